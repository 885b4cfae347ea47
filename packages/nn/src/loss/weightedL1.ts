import { type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { checkReduction, type LossOptions, type LossReduction } from "./reduction.ts";
import { weightedLoss } from "./weightedLoss.ts";

const weightedError: ElementwiseFunction = elementwise({
  name: "weightedL1",
  arity: 3,
  value: e.mul(e.input(2), e.unary("abs", e.sub(e.input(0), e.input(1)))),
});

/**
 * Weighted absolute error `weights · |input - target|`, reduced: {@link l1} where elements do not count alike. With {@link balancedWeights} it is the B-MAE of
 * Shi et al. 2017.
 *
 * The mean is that of all elements, by whose number the sum is divided, not by the sum of the weights.
 * @param input - any shape
 * @param target - the same shape; gradients flow to it, too. The gradient where both are equal is 0.
 * @param weights - how much each element counts; broadcast against the input, e.g. `[C, 1, 1]` for one weight per channel; gradients
 * flow to them, too
 * @returns a number (shape `[]`), or the shape of the input for `reduction: "none"`
 * @throws ShapeError if input and target differ in shape or the weights do not broadcast to it; ArgumentError if an option is unknown, something is
 * no tensor or the reduction none of the three; DTypeError, DeviceError
 */
export function weightedL1(input: Tensor, target: Tensor, weights: Tensor, options: LossOptions = {}): Tensor {
  return weightedLoss(weightedError, [input, target, weights], options);
}

/** {@link weightedL1} as a module. */
export class WeightedL1Loss extends Module {
  /** What becomes of the losses of single elements. */
  readonly reduction: LossReduction;

  /** @throws ArgumentError if an option is unknown or the reduction is none of the three */
  constructor(options: LossOptions = {}) {
    super();
    this.reduction = checkReduction("WeightedL1Loss", options);
  }

  /** The loss of `input` against `target`, of one shape, with weights that broadcast to it. @throws as {@link weightedL1} */
  forward(input: Tensor, target: Tensor, weights: Tensor): Tensor {
    return weightedL1(input, target, weights, { reduction: this.reduction });
  }
}
