import { keepStorage } from "@squall/device";
import type { Tensor } from "../tensor.ts";

/**
 * Makes a tensor, and its gradient, outlive every {@link scope} that is running: for tensors that you hold elsewhere than in what the scope
 * returns, such as a cache. Its memory is yours then: `dispose()` frees it.
 * @returns the tensor
 */
export function keep<T extends Tensor>(tensor: T): T {
  keepStorage(tensor.storage);
  if (tensor.grad !== undefined) keepStorage(tensor.grad.storage);
  return tensor;
}
