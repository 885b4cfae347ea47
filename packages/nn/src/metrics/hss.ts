import type { Tensor } from "@squall/tensor";
import type { ContingencyCounts } from "./contingency.ts";
import { measure } from "./frames.ts";

/**
 * Heidke skill score, `2(ad - bc) / ((a + c)(c + d) + (a + b)(b + d))` of hits a, false alarms b, misses c and correct negatives d: the share of
 * right forecasts beyond those that chance would have right (Heidke 1926). 1 is perfect, 0 no better than chance, -1 the worst. Some papers on
 * nowcasting leave out the 2. NaN if all pixels are hits, or all are correct negatives, or there are none.
 * @param counts - of {@link contingency}
 * @returns the score, of the counts' shape
 */
export function hss(counts: ContingencyCounts): Tensor {
  const { hits: a, falseAlarms: b, misses: c, correctNegatives: d } = counts;
  return measure(() => {
    const came = a.add(c).mul(c.add(d));
    const forecast = a.add(b).mul(b.add(d));
    return a.mul(d).sub(b.mul(c)).mul(2).div(came.add(forecast));
  });
}
