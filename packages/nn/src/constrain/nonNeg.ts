import type { Tensor } from "@squall/tensor";
import { overwrite } from "./norm.ts";

/** Makes every negative element 0; NaN stays. Keras's `NonNeg`. Returns the tensor. */
export function nonNeg_<T extends Tensor>(tensor: T): T {
  return overwrite(tensor, (value) => value.relu());
}
