import { formatShape, ShapeError, sameShape } from "@squall/device";
import type { ContingencyCounts } from "./contingency.ts";
import { measure } from "./frames.ts";

/**
 * The counts of two sets of forecasts together, for the scores of a whole data set: `total = addCounts(total, contingency(…))`.
 * @throws ShapeError if they were not counted over the same axes; DTypeError, DeviceError
 */
export function addCounts(a: ContingencyCounts, b: ContingencyCounts): ContingencyCounts {
  if (!sameShape(a.hits.shape, b.hits.shape)) {
    throw new ShapeError(
      "addCounts",
      `counts of the shapes ${formatShape(a.hits.shape)} and ${formatShape(b.hits.shape)} do not belong together; count over the same axes`,
      { expected: a.hits.shape, got: b.hits.shape },
    );
  }
  return measure(() => ({
    hits: a.hits.add(b.hits),
    misses: a.misses.add(b.misses),
    falseAlarms: a.falseAlarms.add(b.falseAlarms),
    correctNegatives: a.correctNegatives.add(b.correctNegatives),
  }));
}
