import type { Shape } from "../shape.ts";

/** Elementwise work over broadcast inputs. */
export interface MapGeometry {
  /** Shape of the (contiguous) result. */
  readonly shape: Shape;
  /** For each input, its step per axis of `shape` in elements; 0 along repeated axes. */
  readonly strides: readonly (readonly number[])[];
}
