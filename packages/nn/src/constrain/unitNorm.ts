import { type Tensor, where } from "@squall/tensor";
import { checkNames } from "../optionNames.ts";
import { type NormOptions, normNames, scaleByNorm } from "./norm.ts";

/**
 * Scales every vector to the Euclidean norm 1; vectors of zeros stay zeros. Keras's `UnitNorm`. Returns the tensor.
 * @throws ArgumentError if an option is unknown; ShapeError if an axis does not exist or is named twice
 */
export function unitNorm_<T extends Tensor>(tensor: T, options: NormOptions = {}): T {
  checkNames("unitNorm_", options, normNames);
  return scaleByNorm(tensor, options, (norms) => where(norms.eq(0), 0, norms.reciprocal()));
}
