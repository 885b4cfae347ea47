import { type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { elementLoss } from "./elementLoss.ts";
import { checkPair, checkReduction, type LossOptions, type LossReduction } from "./reduction.ts";

const difference = e.sub(e.input(0), e.input(1));

const squaredError: ElementwiseFunction = elementwise({
  name: "mse",
  arity: 2,
  value: e.mul(difference, difference),
  gradient: (g) => {
    const slope = e.mul(g, e.mul(2, difference));
    return [slope, e.neg(slope)];
  },
});

/**
 * Squared error `(input - target)²`, reduced; PyTorch's `mse_loss`.
 * @param input - any shape
 * @param target - the same shape; gradients flow to it, too
 * @returns a number (shape `[]`), or the shape of the input for `reduction: "none"`
 * @throws ShapeError if the shapes differ; ArgumentError if an option is unknown or the reduction is none of the three; DTypeError, DeviceError
 */
export function mse(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const reduction = checkReduction("mse", options);
  checkPair("mse", input, target);
  return elementLoss(squaredError, [input, target], reduction);
}

/** {@link mse} as a module. */
export class MSELoss extends Module {
  /** What becomes of the losses of single elements. */
  readonly reduction: LossReduction;

  /** @throws ArgumentError if an option is unknown or the reduction is none of the three */
  constructor(options: LossOptions = {}) {
    super();
    this.reduction = checkReduction("MSELoss", options);
  }

  /** The loss of `input` against `target`, of one shape. @throws as {@link mse} */
  forward(input: Tensor, target: Tensor): Tensor {
    return mse(input, target, { reduction: this.reduction });
  }
}
