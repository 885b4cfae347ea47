import type { Tensor } from "@squall/tensor";
import { penalty } from "./penalty.ts";

/**
 * `Σ|w|` of all elements of some parameters, to be added to a loss: `loss.add(l1Penalty(model.parameters()).mul(1e-4))`. Keras's `L1`: it
 * drives weights to 0. The gradient at 0 is 0.
 * @param parameters - any shapes, of one dtype on one device; one that comes twice counts once
 * @returns a number (shape `[]`)
 * @throws ArgumentError if there are none or one is no tensor; DTypeError, DeviceError if they differ in these
 */
export function l1Penalty(parameters: Iterable<Tensor>): Tensor {
  return penalty("l1Penalty", parameters, (parameter) => parameter.abs().sum());
}
