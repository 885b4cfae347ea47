import { type Tensor, where } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { type NormOptions, normNames, scaleByNorm } from "./norm.ts";

/** Options of {@link maxNorm_}. */
export interface MaxNormOptions extends NormOptions {
  /** Largest norm allowed, 0 or more. Default 2. */
  readonly maxNorm?: number;
}

const names: Names<MaxNormOptions> = { ...normNames, maxNorm: true };

/**
 * Scales down every vector whose Euclidean norm is above `maxNorm`, to that norm; others stay as they are, to the bit. Keras's `MaxNorm` (Srivastava et
 * al. 2014). Returns the tensor.
 * @throws ArgumentError if an option is unknown, `maxNorm` is negative or not finite; ShapeError if an axis does not exist or is named twice
 */
export function maxNorm_<T extends Tensor>(tensor: T, options: MaxNormOptions = {}): T {
  checkNames("maxNorm_", options, names);
  const { maxNorm = 2 } = options;
  checkNumber("maxNorm_", "maxNorm", maxNorm, "a finite number >= 0", (n) => n >= 0);
  return scaleByNorm(tensor, options, (norms) => where(norms.gt(maxNorm), norms.reciprocal().mul(maxNorm), 1));
}
