import { type BinaryFunction, type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import { applyElementwise, type Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { checkForecast, measure } from "./frames.ts";

/** How often an event was forecast and came true: what {@link contingency} counts. All of one shape. */
export interface ContingencyCounts {
  /** Forecast, and it came. */
  readonly hits: Tensor;
  /** Not forecast, but it came. */
  readonly misses: Tensor;
  /** Forecast, but it did not come. */
  readonly falseAlarms: Tensor;
  /** Not forecast, and it did not come. */
  readonly correctNegatives: Tensor;
}

/** Options of {@link contingency}. */
export interface ContingencyOptions {
  /** From where on a value is an event, in the unit of the values: 0.5 for rain rates in mm/h (Shi et al. 2015). */
  readonly threshold: number;
  /** Axes to count over. Default: all. Leave out that of time, for instance, for counts per lead time. */
  readonly dim?: number | readonly number[] | undefined;
}

const names: Names<ContingencyOptions> = { threshold: true, dim: true };

/** 1 where the forecast compares with the threshold by `forecast`, and the target by `target`. */
function both(forecast: BinaryFunction, target: BinaryFunction): ElementwiseFunction {
  const value = e.mul(e.binary(forecast, e.input(0), e.scalar(0)), e.binary(target, e.input(1), e.scalar(0)));
  return elementwise({ name: "contingency", arity: 2, value, differentiable: false });
}

const [hit, miss, falseAlarm, correctNegative] = [
  both("ge", "ge"),
  both("lt", "ge"),
  both("ge", "lt"),
  both("lt", "lt"),
];

/**
 * Counts how often values that reach a threshold (`>=`) were forecast and came true: for {@link csi}, {@link pod}, {@link far} and {@link hss}.
 * Scores of many batches are those of their counts together, see {@link addCounts}.
 *
 * A pixel that is NaN on either side is in no count. In float32 counts are exact up to 2²⁴.
 * @param forecast - any shape; threshold rain rates, not probabilities, unless these are meant
 * @param target - the same shape
 * @returns the counts, each a number (shape `[]`), or of the axes that are not counted over; without gradient
 * @throws ShapeError if the shapes differ or an axis does not exist; ArgumentError if an option is unknown or the threshold is not a finite number;
 * DTypeError, DeviceError
 */
export function contingency(forecast: Tensor, target: Tensor, options: ContingencyOptions): ContingencyCounts {
  checkNames("contingency", options, names);
  const op = "contingency";
  const { threshold, dim } = options;
  checkNumber(op, "threshold", threshold);
  checkForecast(op, forecast, target);
  // As the values hold it: 0.7 in float32 is not below the threshold 0.7.
  const scalars = [forecast.dtype === "float32" ? Math.fround(threshold) : threshold];
  const count = (fn: ElementwiseFunction): Tensor => applyElementwise(fn, [forecast, target], scalars).sum(dim);
  return measure(() => ({
    hits: count(hit),
    misses: count(miss),
    falseAlarms: count(falseAlarm),
    correctNegatives: count(correctNegative),
  }));
}
