import type { Shape } from "../shape.ts";

/** Moves a block of elements: `target[targetOffset + i·targetStrides] = source[sourceOffset + i·sourceStrides]` for every index `i` of `shape`. Strides may be 0 or negative on the source. */
export interface CopyGeometry {
  /** Extent of the block. */
  readonly shape: Shape;
  /** First element read. */
  readonly sourceOffset: number;
  /** Step per axis in the source, in elements. */
  readonly sourceStrides: readonly number[];
  /** First element written. */
  readonly targetOffset: number;
  /** Step per axis in the target, in elements. */
  readonly targetStrides: readonly number[];
}
