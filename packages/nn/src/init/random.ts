import { ArgumentError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { draw, type InitOptions, initNames } from "./fill.ts";

/** Options of {@link uniform_}. */
export interface UniformOptions extends InitOptions {
  /** Lower end. Default 0. */
  readonly a?: number;
  /** Upper end. Default 1. */
  readonly b?: number;
}

const uniformNames: Names<UniformOptions> = { ...initNames, a: true, b: true };

/**
 * Draws every element evenly from `[a, b)`. Returns the tensor.
 * @throws ArgumentError if an option is unknown, an end is not a finite number or `a > b`
 */
export function uniform_<T extends Tensor>(tensor: T, options: UniformOptions = {}): T {
  checkNames("uniform_", options, uniformNames);
  const { a = 0, b = 1 } = options;
  checkNumber("uniform_", "a", a);
  checkNumber("uniform_", "b", b);
  if (a > b) throw new ArgumentError("uniform_", `a must not be above b, got a = ${a}, b = ${b}`, { got: [a, b] });
  return draw(tensor, options, (generator) => a + (b - a) * generator.next());
}

/** Options of {@link normal_}. */
export interface NormalOptions extends InitOptions {
  /** Mean. Default 0. */
  readonly mean?: number;
  /** Standard deviation, 0 or more. Default 1. */
  readonly std?: number;
}

const normalNames: Names<NormalOptions> = { ...initNames, mean: true, std: true };

/**
 * Draws every element from the normal distribution. Returns the tensor.
 * @throws ArgumentError if an option is unknown, `mean` is not a finite number or `std` is negative
 */
export function normal_<T extends Tensor>(tensor: T, options: NormalOptions = {}): T {
  checkNames("normal_", options, normalNames);
  const { mean = 0, std = 1 } = options;
  checkNumber("normal_", "mean", mean);
  checkNumber("normal_", "std", std, "a finite number >= 0", (n) => n >= 0);
  return draw(tensor, options, (generator) => mean + std * generator.normal());
}
