import { ArgumentError } from "@squall/device";
import type { Generator, Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { draw, type InitOptions, initNames } from "./fill.ts";

/** Options of {@link truncNormal_}. */
export interface TruncNormalOptions extends InitOptions {
  /** Mean before the cut. Default 0. */
  readonly mean?: number;
  /** Standard deviation before the cut, above 0. Default 1. */
  readonly std?: number;
  /** Least value; -Infinity for none. Default -2 (not in standard deviations). */
  readonly a?: number;
  /** Largest value; Infinity for none. Default 2. */
  readonly b?: number;
}

const names: Names<TruncNormalOptions> = { ...initNames, mean: true, std: true, a: true, b: true };

/**
 * One draw from the standard normal distribution between `low` and `high`, by rejection, with the proposal that is accepted most often:
 * Robert, "Simulation of truncated normal variables" (1995), exact also far out in a tail.
 */
function truncated(generator: Generator, low: number, high: number): number {
  if (high < 0) return -truncated(generator, -high, -low);
  // Rate of the exponential proposal for a tail that begins at `low`.
  const rate = (low + Math.sqrt(low * low + 4)) / 2;
  const peak = Math.max(low, 0);
  const proposal = ((): "normal" | "exponential" | "even" => {
    if (low <= 0) return high - low > Math.sqrt(2 * Math.PI) ? "normal" : "even";
    return high - low > Math.exp((low * low - low * rate) / 2 + 0.5) / rate ? "exponential" : "even";
  })();
  for (;;) {
    let z = 0;
    let acceptance = 1;
    if (proposal === "normal") {
      z = generator.normal();
    } else if (proposal === "exponential") {
      z = low - Math.log(1 - generator.next()) / rate;
      acceptance = Math.exp(-((z - rate) ** 2) / 2);
    } else {
      z = low + (high - low) * generator.next();
      acceptance = Math.exp((peak * peak - z * z) / 2);
    }
    if (z >= low && z <= high && (acceptance === 1 || generator.next() < acceptance)) return z;
  }
}

/**
 * Draws every element from the normal distribution cut off at `a` and `b`: values outside do not occur, and those inside keep their
 * proportions. Returns the tensor.
 * @throws ArgumentError if an option is unknown, `mean` is not finite, `std` not above 0, or `a` not below `b`
 */
export function truncNormal_<T extends Tensor>(tensor: T, options: TruncNormalOptions = {}): T {
  checkNames("truncNormal_", options, names);
  const { mean = 0, std = 1, a = -2, b = 2 } = options;
  checkNumber("truncNormal_", "mean", mean);
  checkNumber("truncNormal_", "std", std, "a finite number > 0", (n) => n > 0);
  if (!(a < b)) throw new ArgumentError("truncNormal_", `a must be below b, got a = ${a}, b = ${b}`, { got: [a, b] });
  const [low, high] = [(a - mean) / std, (b - mean) / std];
  // Rounding on the way back may step over a bound by the last digit.
  return draw(tensor, options, (generator) => Math.min(b, Math.max(a, mean + std * truncated(generator, low, high))));
}
