import { type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { elementLoss } from "./elementLoss.ts";
import { checkPair, checkReduction, type LossOptions, type LossReduction } from "./reduction.ts";

const absoluteError: ElementwiseFunction = elementwise({
  name: "l1",
  arity: 2,
  value: e.unary("abs", e.sub(e.input(0), e.input(1))),
});

/**
 * Absolute error `|input - target|`, reduced; PyTorch's `l1_loss`. The gradient where both are equal is 0.
 * @param input - any shape
 * @param target - the same shape; gradients flow to it, too
 * @returns a number (shape `[]`), or the shape of the input for `reduction: "none"`
 * @throws ShapeError if the shapes differ; ArgumentError if an option is unknown or the reduction is none of the three; DTypeError, DeviceError
 */
export function l1(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const reduction = checkReduction("l1", options);
  checkPair("l1", input, target);
  return elementLoss(absoluteError, [input, target], reduction);
}

/** {@link l1} as a module. */
export class L1Loss extends Module {
  /** What becomes of the losses of single elements. */
  readonly reduction: LossReduction;

  /** @throws ArgumentError if an option is unknown or the reduction is none of the three */
  constructor(options: LossOptions = {}) {
    super();
    this.reduction = checkReduction("L1Loss", options);
  }

  /** The loss of `input` against `target`, of one shape. @throws as {@link l1} */
  forward(input: Tensor, target: Tensor): Tensor {
    return l1(input, target, { reduction: this.reduction });
  }
}
