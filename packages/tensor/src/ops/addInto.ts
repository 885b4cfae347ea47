import { expressions } from "@squall/device";
import type { Tensor } from "../tensor.ts";

const sum = [expressions.add(expressions.input(0), expressions.input(1))];

/** Adds `source` to `target` in place; they agree in shape, dtype and device, and share no memory. */
export function addInto(source: Tensor, target: Tensor): void {
  target.device.kernels.update(sum, [target.storage], [source.storage], []);
}
