import { ArgumentError } from "@squall/device";
import { type Tensor, where } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { type NormOptions, normNames, scaleByNorm } from "./norm.ts";

/** Options of {@link minMaxNorm_}. */
export interface MinMaxNormOptions extends NormOptions {
  /** Smallest norm, 0 or more. Default 0. */
  readonly minNorm?: number;
  /** Largest norm, not below `minNorm`. Default 1. */
  readonly maxNorm?: number;
  /** How much of the way to go each time, above 0 to 1. Default 1: all of it. */
  readonly rate?: number;
}

const names: Names<MinMaxNormOptions> = { ...normNames, minNorm: true, maxNorm: true, rate: true };

/**
 * Scales every vector whose Euclidean norm lies outside of `[minNorm, maxNorm]` towards it, from norm n to `rate·clamp(n) + (1 - rate)·n`; others stay
 * as they are, to the bit, and so do vectors of zeros, which have no direction. Keras's `MinMaxNorm`. Returns the tensor.
 * @throws ArgumentError if an option is unknown, a norm is negative, `minNorm > maxNorm`, or `rate` is outside (0, 1]; ShapeError if an axis does
 * not exist or is named twice
 */
export function minMaxNorm_<T extends Tensor>(tensor: T, options: MinMaxNormOptions = {}): T {
  checkNames("minMaxNorm_", options, names);
  const op = "minMaxNorm_";
  const { minNorm = 0, maxNorm = 1, rate = 1 } = options;
  checkNumber(op, "minNorm", minNorm, "a finite number >= 0", (n) => n >= 0);
  checkNumber(op, "maxNorm", maxNorm, "a finite number >= 0", (n) => n >= 0);
  checkNumber(op, "rate", rate, "a number above 0 and at most 1", (n) => n > 0 && n <= 1);
  if (minNorm > maxNorm) {
    throw new ArgumentError(op, `minNorm must not be above maxNorm, got minNorm = ${minNorm}, maxNorm = ${maxNorm}`, {
      got: [minNorm, maxNorm],
    });
  }
  return scaleByNorm(tensor, options, (norms) => {
    const wanted = norms.clamp(minNorm, maxNorm);
    const factor = wanted
      .div(norms)
      .mul(rate)
      .add(1 - rate);
    return where(norms.eq(0), 1, where(wanted.eq(norms), 1, factor));
  });
}
