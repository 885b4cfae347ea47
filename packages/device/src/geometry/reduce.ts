import type { Shape } from "../shape.ts";

/** How elements are put together. */
export type Reduction = "sum" | "max" | "min";

/** A reduction of a contiguous tensor over some of its axes. */
export interface ReduceGeometry {
  /** Shape of the source. */
  readonly shape: Shape;
  /** Per axis, whether it is reduced away. */
  readonly reduced: readonly boolean[];
}
