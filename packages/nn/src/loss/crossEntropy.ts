import {
  ArgumentError,
  type ElementwiseFunction,
  type Expression,
  expressions as e,
  elementwise,
  formatShape,
  ShapeError,
  sameShape,
} from "@squall/device";
import { applyElementwise, arange, logSoftmax, ones, Tensor, tensor } from "@squall/tensor";
import { checkAlike, checkNumber } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { Buffer } from "../module/parameter.ts";
import type { Names } from "../optionNames.ts";
import { type ClassTarget, readTarget } from "./classTarget.ts";
import { checkReduction, checkTensor, type LossOptions, type LossReduction, lossNames } from "./reduction.ts";

const logP = e.input(0);

/** `-weight·share·log p`; a class without a share costs nothing, not even one with the probability 0. */
function costOf(share: Expression, weight: Expression): { readonly value: Expression; readonly isFree: Expression } {
  const isFree = e.mul(e.binary("eq", share, 0), e.binary("eq", logP, Number.NEGATIVE_INFINITY));
  return { value: e.select(isFree, 0, e.neg(e.mul(e.mul(weight, share), logP))), isFree };
}

/** Of class numbers: log p, the number of the class `[N, 1, …]`, the numbers of all classes `[C, 1, …]`, their weights. */
function ofNumbers(): ElementwiseFunction {
  const [number, index, weight] = [e.input(1), e.input(2), e.input(3)];
  const inRange = e.mul(e.binary("ge", number, 0), e.binary("le", number, e.scalar(1)));
  const isClass = e.mul(inRange, e.binary("eq", e.unary("floor", number), number));
  const smoothed = e.add(e.mul(e.binary("eq", number, index), e.scalar(2)), e.scalar(3));
  // What is no class must not cost nothing where nobody could look at it before.
  const share = e.select(e.binary("eq", number, e.scalar(0)), 0, e.select(isClass, smoothed, Number.NaN));
  const { value, isFree } = costOf(share, weight);
  return elementwise({
    name: "crossEntropy",
    arity: 4,
    value,
    gradient: (g) => [
      e.neg(e.mul(g, e.mul(weight, share))),
      undefined,
      undefined,
      e.select(isFree, 0, e.neg(e.mul(g, e.mul(share, logP)))),
    ],
  });
}

/** Of probabilities: log p, the probabilities of all classes, their weights. */
function ofProbabilities(): ElementwiseFunction {
  const [probability, weight] = [e.input(1), e.input(2)];
  const share = e.add(e.mul(probability, e.scalar(0)), e.scalar(1));
  const { value, isFree } = costOf(share, weight);
  return elementwise({
    name: "crossEntropy",
    arity: 3,
    value,
    gradient: (g) => [
      e.neg(e.mul(g, e.mul(weight, share))),
      e.neg(e.mul(g, e.mul(e.mul(weight, e.scalar(0)), logP))),
      e.select(isFree, 0, e.neg(e.mul(g, e.mul(share, logP)))),
    ],
  });
}

const numbersCost = ofNumbers();
const probabilitiesCost = ofProbabilities();

/** The weight of the class `index` where it is the target's and not ignored, else 0. */
const chosenWeight: ElementwiseFunction = elementwise({
  name: "crossEntropy",
  arity: 3,
  value: e.select(
    e.binary("eq", e.input(0), e.scalar(0)),
    0,
    e.select(e.binary("eq", e.input(0), e.input(1)), e.input(2), 0),
  ),
});

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends LossOptions {
  /** How much each class counts, `[C]`: a tensor of the dtype and device of the logits, or numbers. Default: 1 each. */
  readonly weight?: Tensor | readonly number[] | undefined;
  /**
   * The class number of places that do not count, for class numbers alone: not in the loss, and not in the mean. A whole number, within the
   * classes or not. Default -100, as in PyTorch.
   */
  readonly ignoreIndex?: number | undefined;
  /** How much of the target is spread evenly over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
}

const names: Names<CrossEntropyOptions> = { ...lossNames, weight: true, ignoreIndex: true, labelSmoothing: true };

function checkOptions(
  op: string,
  options: CrossEntropyOptions,
): { reduction: LossReduction; ignoreIndex: number; labelSmoothing: number } {
  const reduction = checkReduction(op, options, names);
  const { ignoreIndex = -100, labelSmoothing = 0 } = options;
  checkNumber(op, "ignoreIndex", ignoreIndex, "a whole number", Number.isSafeInteger);
  checkNumber(op, "labelSmoothing", labelSmoothing, "a number in [0, 1]", (n) => n >= 0 && n <= 1);
  return { reduction, ignoreIndex, labelSmoothing };
}

/** Weights of classes as a tensor `[C, 1, …]`. */
function readWeight(op: string, weight: Tensor | readonly number[], input: Tensor): Tensor {
  const { dtype, device, rank, shape } = input;
  const [, classes = 0] = shape;
  const read = weight instanceof Tensor ? weight : tensor([...weight], { dtype, device });
  checkAlike(op, ["input", input], ["weight", read]);
  if (!sameShape(read.shape, [classes])) {
    throw new ShapeError(
      op,
      `weight must have one number per class, [${classes}] for logits ${formatShape(shape)} [N,C,…], got ${formatShape(read.shape)}`,
      { expected: [classes], got: read.shape },
    );
  }
  return read.reshape([classes, ...Array.from({ length: rank - 2 }, () => 1)]);
}

function checkLogits(op: string, input: Tensor): void {
  checkTensor(op, "input", input);
  if (input.rank >= 2) return;
  throw new ShapeError(
    op,
    `needs logits [N, C, …], got shape ${formatShape(input.shape)}; a single sample gets its axis by unsqueeze(0)`,
    { expected: 2, got: input.rank },
  );
}

/**
 * Cross entropy of logits over classes, `-w[y]·log softmax(x)[y]` at every place with the class y, reduced; PyTorch's `cross_entropy`. For
 * probabilities q of the classes it is `-Σ w[c]·q[c]·log softmax(x)[c]`. Exact for logits of any size.
 *
 * The mean is weighted: the sum of the losses by the sum of `w[y]` over the places that count (NaN if none does). For probabilities it is that over
 * all places. `labelSmoothing` ε makes `(1 - ε)·q + ε/C` of q.
 *
 * ```ts
 * const head = new TimeDistributed(new Conv2d({ inChannels: 8, outChannels: 4, kernelSize: 1 }));
 * const logits = head.forward(hidden);                              // [T, N, 4, H, W]
 * crossEntropy(logits.flatten(0, 1), labels.flatten(0, 1));         // of class numbers [T, N, H, W]
 * ```
 *
 * Classes of rain, weighted against their rarity: {@link balancedWeights} with the weights `[0, 1, 2, …]` makes class numbers of rates.
 * @param input - logits `[N, C, …]`, any numbers; classes along axis 1. Sequences go in as one batch, as above
 * @param target - class numbers `[N, …]`, in a tensor, nested arrays or a typed array, or a tensor of probabilities `[N, C, …]`, to which
 * gradients flow, too. Class numbers in a tensor on a device that answers later are not looked at: the loss is NaN if one is none
 * @returns a number (shape `[]`), or the loss of each place `[N, …]` for `reduction: "none"`
 * @throws ShapeError if the target has neither shape, the weight not one number per class, or the logits fewer than two axes; ArgumentError if a
 * class number is none, there is an `ignoreIndex` for probabilities, or an option is unknown or out of range; DTypeError, DeviceError
 */
export function crossEntropy(input: Tensor, target: ClassTarget, options: CrossEntropyOptions = {}): Tensor {
  const op = "crossEntropy";
  const { reduction, ignoreIndex, labelSmoothing } = checkOptions(op, options);
  checkLogits(op, input);
  const { dtype, device, rank } = input;
  const [, classes = 0] = input.shape;
  const { isNumbers, values } = readTarget(op, target, input, ignoreIndex);
  if (!isNumbers && options.ignoreIndex !== undefined) {
    throw new ArgumentError(
      op,
      `ignoreIndex (=${ignoreIndex}) is for class numbers, not for probabilities; leave it out`,
      {
        got: ignoreIndex,
      },
    );
  }
  const given = options.weight === undefined ? undefined : readWeight(op, options.weight, input);
  const weight = given ?? ones([], { dtype, device });
  const shares = [1 - labelSmoothing, labelSmoothing / classes];
  const logProbabilities = logSoftmax(input, 1);
  if (!isNumbers) {
    const costs = applyElementwise(probabilitiesCost, [logProbabilities, values, weight], shares);
    if (reduction === "none") return costs.sum(1);
    return reduction === "sum" ? costs.sum() : costs.sum().div(input.size / classes);
  }
  const indices = arange(0, classes, 1, { dtype, device }).reshape([
    classes,
    ...Array.from({ length: rank - 2 }, () => 1),
  ]);
  const scalars = [ignoreIndex, classes - 1, ...shares];
  const costs = applyElementwise(numbersCost, [logProbabilities, values, indices, weight], scalars);
  if (reduction === "none") return costs.sum(1);
  if (reduction === "sum") return costs.sum();
  const counting =
    given === undefined
      ? values.ne(ignoreIndex)
      : applyElementwise(chosenWeight, [values, indices, given], [ignoreIndex]);
  return costs.sum().div(counting.sum());
}

/** {@link crossEntropy} as a module. */
export class CrossEntropyLoss extends Module {
  /** What becomes of the losses of single places. */
  readonly reduction: LossReduction;
  /** How much each class counts, `[C]`; a buffer, so that it moves and is saved with the module. Numbers become float32. */
  readonly weight: Buffer | undefined;
  /** The class number of places that do not count; `undefined` for the default. */
  readonly ignoreIndex: number | undefined;
  /** How much of the target is spread evenly over all classes. */
  readonly labelSmoothing: number;

  /** @throws ArgumentError if an option is unknown or out of range */
  constructor(options: CrossEntropyOptions = {}) {
    super();
    const { reduction, labelSmoothing } = checkOptions("CrossEntropyLoss", options);
    const { weight, ignoreIndex } = options;
    this.reduction = reduction;
    this.weight = weight && new Buffer(weight instanceof Tensor ? weight : tensor([...weight]));
    this.ignoreIndex = ignoreIndex;
    this.labelSmoothing = labelSmoothing;
  }

  /** The loss of logits `[N, C, …]` against class numbers or probabilities. @throws as {@link crossEntropy} */
  forward(input: Tensor, target: ClassTarget): Tensor {
    const { reduction, weight, ignoreIndex, labelSmoothing } = this;
    return crossEntropy(input, target, { reduction, weight, ignoreIndex, labelSmoothing });
  }
}
