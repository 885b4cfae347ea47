import type { Tensor } from "@squall/tensor";

/** `(x - mean) / √(variance + eps)` over some axes, with the mean square deviation as the variance. */
export function normalize(x: Tensor, dims: readonly number[], eps: number): Tensor {
  const deviation = x.sub(x.mean(dims, true));
  return deviation.div(deviation.square().mean(dims, true).add(eps).sqrt());
}
