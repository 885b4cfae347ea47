import { type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { checkReduction, type LossOptions, type LossReduction } from "./reduction.ts";
import { weightedLoss } from "./weightedLoss.ts";

const difference = e.sub(e.input(0), e.input(1));
const square = e.mul(difference, difference);

const weightedError: ElementwiseFunction = elementwise({
  name: "weightedMse",
  arity: 3,
  value: e.mul(e.input(2), square),
  gradient: (g) => {
    const slope = e.mul(e.mul(g, e.input(2)), e.mul(2, difference));
    return [slope, e.neg(slope), e.mul(g, square)];
  },
});

/**
 * Weighted squared error `weights · (input - target)²`, reduced: {@link mse} where elements do not count alike. With {@link balancedWeights} it is the B-MSE of
 * Shi et al. 2017.
 *
 * The mean is that of all elements, by whose number the sum is divided, not by the sum of the weights.
 * @param input - any shape
 * @param target - the same shape; gradients flow to it, too
 * @param weights - how much each element counts; broadcast against the input, e.g. `[C, 1, 1]` for one weight per channel; gradients
 * flow to them, too
 * @returns a number (shape `[]`), or the shape of the input for `reduction: "none"`
 * @throws ShapeError if input and target differ in shape or the weights do not broadcast to it; ArgumentError if an option is unknown, something is
 * no tensor or the reduction none of the three; DTypeError, DeviceError
 */
export function weightedMse(input: Tensor, target: Tensor, weights: Tensor, options: LossOptions = {}): Tensor {
  return weightedLoss(weightedError, [input, target, weights], options);
}

/** {@link weightedMse} as a module. */
export class WeightedMSELoss extends Module {
  /** What becomes of the losses of single elements. */
  readonly reduction: LossReduction;

  /** @throws ArgumentError if an option is unknown or the reduction is none of the three */
  constructor(options: LossOptions = {}) {
    super();
    this.reduction = checkReduction("WeightedMSELoss", options);
  }

  /** The loss of `input` against `target`, of one shape, with weights that broadcast to it. @throws as {@link weightedMse} */
  forward(input: Tensor, target: Tensor, weights: Tensor): Tensor {
    return weightedMse(input, target, weights, { reduction: this.reduction });
  }
}
