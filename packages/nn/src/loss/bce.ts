import { ArgumentError, type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import { max, min, noGrad, type Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { elementLoss } from "./elementLoss.ts";
import { checkPair, checkReduction, type LossOptions, type LossReduction } from "./reduction.ts";

const p = e.input(0);
const t = e.input(1);
// PyTorch's bounds: a sure and wrong answer costs 100, not infinity, and its gradient is finite.
const logP = e.binary("max", e.unary("log", p), -100);
const logNotP = e.binary("max", e.unary("log1p", e.neg(p)), -100);
const spread = e.binary("max", e.mul(p, e.sub(1, p)), 1e-12);

const crossEntropy: ElementwiseFunction = elementwise({
  name: "bce",
  arity: 2,
  value: e.sub(e.mul(e.sub(t, 1), logNotP), e.mul(t, logP)),
  gradient: (g) => [e.mul(g, e.div(e.sub(p, t), spread)), e.mul(g, e.sub(logNotP, logP))],
});

/** @throws ArgumentError if the device can answer at once and a value lies outside [0, 1] */
function checkProbabilities(input: Tensor): void {
  if (!input.device.canReadSync || input.size === 0) return;
  const [least, most] = noGrad(() => [min(input).itemSync(), max(input).itemSync()]);
  if (least >= 0 && most <= 1) return;
  const got = Number.isNaN(least) ? "NaN among them" : `values from ${least} to ${most}`;
  throw new ArgumentError(
    "bce",
    `the input must hold probabilities in [0, 1], got ${got}; apply a sigmoid first, or use bceWithLogits`,
    { expected: [0, 1], got: [least, most] },
  );
}

/**
 * Binary cross entropy of probabilities, `-(t·log p + (1 - t)·log(1 - p))`, reduced; PyTorch's `binary_cross_entropy`.
 *
 * As in PyTorch the logarithms are kept at -100 or above and the gradient is `(p - t) / max(p(1 - p), 10⁻¹²)`: both are finite at p = 0 and
 * p = 1. The gradient of the target is that of the bounded value and is finite, too. {@link bceWithLogits} is exact everywhere; prefer it.
 *
 * Probabilities outside [0, 1] are an error on devices that answer at once (two cheap passes); elsewhere the loss is NaN.
 * @param input - probabilities, any shape
 * @param target - the same shape, normally within [0, 1]; gradients flow to it, too
 * @returns a number (shape `[]`), or the shape of the input for `reduction: "none"`
 * @throws ShapeError if the shapes differ; ArgumentError if an option is unknown, a probability is NaN or outside [0, 1], or the reduction none of
 * the three; DTypeError, DeviceError
 */
export function bce(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const reduction = checkReduction("bce", options);
  checkPair("bce", input, target);
  checkProbabilities(input);
  return elementLoss(crossEntropy, [input, target], reduction);
}

/** {@link bce} as a module. */
export class BCELoss extends Module {
  /** What becomes of the losses of single elements. */
  readonly reduction: LossReduction;

  /** @throws ArgumentError if an option is unknown or the reduction is none of the three */
  constructor(options: LossOptions = {}) {
    super();
    this.reduction = checkReduction("BCELoss", options);
  }

  /** The loss of probabilities `input` against `target`, of one shape. @throws as {@link bce} */
  forward(input: Tensor, target: Tensor): Tensor {
    return bce(input, target, { reduction: this.reduction });
  }
}
