import { type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import { applyElementwise, type Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkTensor } from "../loss/reduction.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link dBZToRainfall}: the relation `Z = a·Rᵇ` of reflectivity and rain. */
export interface RainfallOptions {
  /** The factor a, above 0. Default 118.239. */
  readonly a?: number;
  /** The exponent b, above 0. Default 1.5241. */
  readonly b?: number;
}

/** Names of the options of {@link dBZToRainfall}. */
export const rainfallNames: Names<RainfallOptions> = { a: true, b: true };

/** `e^(s₀·x + s₁)` */
const power: ElementwiseFunction = elementwise({
  name: "dBZToRainfall",
  arity: 1,
  value: e.unary("exp", e.add(e.mul(e.scalar(0), e.input(0)), e.scalar(1))),
});

/** As {@link dBZToRainfall}, under the caller's name. */
export function rainfallOf(op: string, dBZ: Tensor, { a = 118.239, b = 1.5241 }: RainfallOptions): Tensor {
  checkNumber(op, "a", a, "a finite number > 0", (n) => n > 0);
  checkNumber(op, "b", b, "a finite number > 0", (n) => n > 0);
  return applyElementwise(power, [dBZ], [Math.LN10 / (10 * b), -Math.log(a) / b]);
}

/**
 * Rain rates in mm/h of radar reflectivities in dBZ, by `dBZ = 10·log₁₀ a + 10·b·log₁₀ R`; a = 118.239 and b = 1.5241 fit radar to rain gauges in
 * Hong Kong (Shi et al. 2015). 0 dBZ is 0.04 mm/h, not 0.
 * @param dBZ - any shape
 * @returns the rates, of the same shape; gradients flow through, so that a loss can be one of rain
 * @throws ArgumentError if an option is unknown, `dBZ` is no tensor, or `a` or `b` is not above 0
 */
export function dBZToRainfall(dBZ: Tensor, options: RainfallOptions = {}): Tensor {
  checkNames("dBZToRainfall", options, rainfallNames);
  checkTensor("dBZToRainfall", "reflectivity", dBZ);
  return rainfallOf("dBZToRainfall", dBZ, options);
}
