import {
  ArgumentError,
  type ElementwiseFunction,
  type Expression,
  expressions as e,
  elementwise,
} from "@squall/device";
import { applyElementwise, type Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { checkTensor } from "./reduction.ts";

/** Options of {@link balancedWeights}. */
export interface BalancedWeightsOptions {
  /** Where the weight changes, ascending, in the unit of the target. Default `[2, 5, 10, 30]`, rain rates in mm/h. */
  readonly thresholds?: readonly number[];
  /** The weights below the first threshold, between each two, and from the last on: one more than thresholds. Default `[1, 2, 5, 10, 30]`. */
  readonly weights?: readonly number[];
}

const names: Names<BalancedWeightsOptions> = { thresholds: true, weights: true };

const op = "balancedWeights";

/** One function for each number of thresholds, which are its first scalars; the weights are the others. */
const steps = new Map<number, ElementwiseFunction>();

function stepsOf(count: number): ElementwiseFunction {
  let fn = steps.get(count);
  if (fn === undefined) {
    let value: Expression = e.scalar(count);
    for (let k = 0; k < count; k++) {
      value = e.select(e.binary("ge", e.input(0), e.scalar(k)), e.scalar(count + k + 1), value);
    }
    fn = elementwise({ name: op, arity: 1, value, differentiable: false });
    steps.set(count, fn);
  }
  return fn;
}

function checkLists(thresholds: readonly number[], weights: readonly number[]): void {
  if (thresholds.length === 0) throw new ArgumentError(op, "needs at least one threshold", { got: thresholds });
  for (const [k, threshold] of thresholds.entries()) checkNumber(op, `thresholds[${k}]`, threshold);
  for (const [k, weight] of weights.entries()) checkNumber(op, `weights[${k}]`, weight);
  if (thresholds.some((threshold, k) => k > 0 && !((thresholds[k - 1] ?? 0) < threshold))) {
    throw new ArgumentError(op, `thresholds must ascend, got [${thresholds.join(", ")}]`, { got: thresholds });
  }
  if (weights.length !== thresholds.length + 1) {
    throw new ArgumentError(
      op,
      `${thresholds.length} thresholds make ${thresholds.length + 1} classes, but there are ${weights.length} weights; give one per class, that below the first threshold first`,
      { expected: thresholds.length + 1, got: weights.length },
    );
  }
}

/**
 * Weights that make up for the rarity of heavy rain, for {@link weightedMse} and {@link weightedL1}: `weights[k]` where k thresholds are
 * reached (`target >= threshold`). By default those of Shi et al. 2017 (HKO-7), for targets in mm/h: 1 below 2 mm/h, 2 below 5, 5 below 10,
 * 10 below 30, and 30 from there on.
 *
 * For targets in another unit give the thresholds in it. Where the paper masks a pixel out, its weight is 0: multiply by the mask.
 * @param target - any shape; NaN counts as below all thresholds
 * @returns the weights, of the target's shape, dtype and device; no gradient flows through them
 * @throws ArgumentError if an option is unknown, there are no thresholds or they do not ascend, a number is not finite, or there is not one weight
 * more than thresholds
 */
export function balancedWeights(target: Tensor, options: BalancedWeightsOptions = {}): Tensor {
  checkNames("balancedWeights", options, names);
  const { thresholds = [2, 5, 10, 30], weights = [1, 2, 5, 10, 30] } = options;
  checkTensor(op, "target", target);
  checkLists(thresholds, weights);
  // As the target holds them: 0.7 in float32 is not below the threshold 0.7.
  const rounded = target.dtype === "float32" ? thresholds.map(Math.fround) : thresholds;
  return applyElementwise(stepsOf(thresholds.length), [target], [...rounded, ...weights]);
}
