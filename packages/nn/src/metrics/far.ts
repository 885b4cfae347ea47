import type { Tensor } from "@squall/tensor";
import type { ContingencyCounts } from "./contingency.ts";
import { measure } from "./frames.ts";

/**
 * False alarm ratio, `falseAlarms / (hits + falseAlarms)`, 0 to 1, lower is better. NaN if the event was never forecast.
 * @param counts - of {@link contingency}
 * @returns the score, of the counts' shape
 */
export function far({ hits, falseAlarms }: ContingencyCounts): Tensor {
  return measure(() => falseAlarms.div(hits.add(falseAlarms)));
}
