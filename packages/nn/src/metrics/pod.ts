import type { Tensor } from "@squall/tensor";
import type { ContingencyCounts } from "./contingency.ts";
import { measure } from "./frames.ts";

/**
 * Probability of detection, `hits / (hits + misses)`, 0 to 1, higher is better. NaN if the event never came.
 * @param counts - of {@link contingency}
 * @returns the score, of the counts' shape
 */
export function pod({ hits, misses }: ContingencyCounts): Tensor {
  return measure(() => hits.div(hits.add(misses)));
}
