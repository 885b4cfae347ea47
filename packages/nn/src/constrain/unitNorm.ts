import { type Tensor, where } from "@squall/tensor";
import { type NormOptions, scaleByNorm } from "./norm.ts";

/**
 * Scales every vector to the Euclidean norm 1; vectors of zeros stay zeros. Keras's `UnitNorm`. Returns the tensor.
 * @throws ShapeError if an axis does not exist or is named twice
 */
export function unitNorm_<T extends Tensor>(tensor: T, options: NormOptions = {}): T {
  return scaleByNorm(tensor, options, (norms) => where(norms.eq(0), 0, norms.reciprocal()));
}
