import { type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import { applyElementwise, type Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { Buffer } from "../module/parameter.ts";
import type { Names } from "../optionNames.ts";
import { elementLoss } from "./elementLoss.ts";
import {
  checkBroadcast,
  checkPair,
  checkReduction,
  type LossOptions,
  type LossReduction,
  lossNames,
  reduceLoss,
} from "./reduction.ts";

const x = e.input(0);
const t = e.input(1);
const weight = e.input(2);
const sigmoid = e.unary("sigmoid", x);
const tail = e.unary("log1p", e.unary("exp", e.neg(e.unary("abs", x))));

/** `max(x, 0) - x·t + log(1 + e^-|x|)` */
const plain: ElementwiseFunction = elementwise({
  name: "bceWithLogits",
  arity: 2,
  value: e.add(e.sub(e.binary("max", x, 0), e.mul(x, t)), tail),
  gradient: (g) => [e.mul(g, e.sub(sigmoid, t)), e.neg(e.mul(g, x))],
});

/** `log(1 + e⁻ˣ)`, the cost of a positive answer. */
const positiveCost = e.add(e.binary("max", e.neg(x), 0), tail);

/** `(1 - t)·x + (1 + (w - 1)·t)·log(1 + e⁻ˣ)` */
const weighted: ElementwiseFunction = elementwise({
  name: "bceWithLogits",
  arity: 3,
  value: e.add(e.mul(e.sub(1, t), x), e.mul(e.add(1, e.mul(e.sub(weight, 1), t)), positiveCost)),
  gradient: (g) => {
    const share = e.add(1, e.mul(e.sub(weight, 1), t));
    // 1 - σ(x) = σ(-x), which does not round to 0 where σ(x) rounds to 1.
    const notSigmoid = e.unary("sigmoid", e.neg(x));
    return [
      e.mul(g, e.sub(e.sub(1, t), e.mul(share, notSigmoid))),
      e.mul(g, e.sub(e.mul(e.sub(weight, 1), positiveCost), x)),
      e.mul(g, e.mul(t, positiveCost)),
    ];
  },
});

/** Options of {@link bceWithLogits}. */
export interface BCEWithLogitsOptions extends LossOptions {
  /**
   * How much a positive target counts compared with a negative one, to outweigh their rarity; broadcast against the input, e.g. `[C, 1, 1]`
   * for one weight per channel. Default: 1 everywhere.
   */
  readonly posWeight?: Tensor | undefined;
}

const names: Names<BCEWithLogitsOptions> = { ...lossNames, posWeight: true };

/**
 * Binary cross entropy of logits, `max(x, 0) - x·t + log(1 + e^-|x|)`, reduced; PyTorch's `binary_cross_entropy_with_logits`. Equal to
 * `bce(sigmoid(x), t)` and exact for logits of any size.
 * @param input - logits, any shape
 * @param target - the same shape, normally within [0, 1]; gradients flow to it, too
 * @returns a number (shape `[]`), or the shape of the input for `reduction: "none"`
 * @throws ShapeError if the shapes differ or `posWeight` does not broadcast to them; ArgumentError if an option is unknown or the reduction is none
 * of the three; DTypeError, DeviceError
 */
export function bceWithLogits(input: Tensor, target: Tensor, options: BCEWithLogitsOptions = {}): Tensor {
  const op = "bceWithLogits";
  const reduction = checkReduction(op, options, names);
  checkPair(op, input, target);
  const { posWeight } = options;
  if (posWeight === undefined) return elementLoss(plain, [input, target], reduction);
  checkBroadcast(op, "posWeight", posWeight, input);
  return reduceLoss(applyElementwise(weighted, [input, target, posWeight]), reduction);
}

/** {@link bceWithLogits} as a module. */
export class BCEWithLogitsLoss extends Module {
  /** What becomes of the losses of single elements. */
  readonly reduction: LossReduction;
  /** How much a positive target counts; a buffer, so that it moves and is saved with the module. */
  readonly posWeight: Buffer | undefined;

  /** @throws ArgumentError if an option is unknown or the reduction is none of the three */
  constructor(options: BCEWithLogitsOptions = {}) {
    super();
    this.reduction = checkReduction("BCEWithLogitsLoss", options, names);
    this.posWeight = options.posWeight && new Buffer(options.posWeight);
  }

  /** The loss of logits `input` against `target`, of one shape. @throws as {@link bceWithLogits} */
  forward(input: Tensor, target: Tensor): Tensor {
    return bceWithLogits(input, target, { reduction: this.reduction, posWeight: this.posWeight });
  }
}
