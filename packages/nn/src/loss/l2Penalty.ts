import type { Tensor } from "@squall/tensor";
import { penalty } from "./penalty.ts";

/**
 * `Σw²` of all elements of some parameters, to be added to a loss: `loss.add(l2Penalty(model.parameters()).mul(1e-4))`. Keras's `L2`; with
 * SGD it is what `weightDecay` of twice the factor is.
 * @param parameters - any shapes, of one dtype on one device; one that comes twice counts once
 * @returns a number (shape `[]`)
 * @throws ArgumentError if there are none or one is no tensor; DTypeError, DeviceError if they differ in these
 */
export function l2Penalty(parameters: Iterable<Tensor>): Tensor {
  return penalty("l2Penalty", parameters, (parameter) => parameter.square().sum());
}
