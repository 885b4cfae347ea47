import type { Tensor } from "@squall/tensor";
import type { ContingencyCounts } from "./contingency.ts";
import { measure } from "./frames.ts";

/**
 * Critical success index, `hits / (hits + misses + falseAlarms)`, 0 to 1, higher is better. NaN if the event was neither forecast nor came.
 * @param counts - of {@link contingency}
 * @returns the score, of the counts' shape
 */
export function csi({ hits, misses, falseAlarms }: ContingencyCounts): Tensor {
  return measure(() => hits.div(hits.add(misses).add(falseAlarms)));
}
