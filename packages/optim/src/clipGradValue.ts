import { ArgumentError } from "@squall/device";
import { noGrad, type Tensor } from "@squall/tensor";
import { listParams } from "./paramGroup.ts";

/**
 * Clamps every gradient to `[-value, value]`, as PyTorch's `clip_grad_value_`. Each `grad` becomes a new tensor, in the place of one that
 * `backward` made, which is freed; parameters without one are skipped.
 * @param params - parameters after `backward()`
 * @throws ArgumentError if there are no parameters or `value` is not a number >= 0.
 */
export function clipGradValue(params: Iterable<Tensor>, value: number): void {
  const op = "clipGradValue";
  const list = new Set(listParams(op, "params", params));
  if (typeof value !== "number" || !(value >= 0)) {
    throw new ArgumentError(op, `value must be a number >= 0, got ${value}`, { got: value });
  }
  noGrad(() => {
    for (const param of list) if (param.grad !== undefined) param.replaceGrad(param.grad.clamp(-value, value));
  });
}
