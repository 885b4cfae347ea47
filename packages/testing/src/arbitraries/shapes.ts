import type { Shape } from "@squall/device";
import fc from "fast-check";

/** Which shapes are wanted. */
export interface ShapeConstraints {
  /** Fewest axes. Default 0. */
  readonly minRank?: number;
  /** Most axes. Default 3. */
  readonly maxRank?: number;
  /** Smallest size of an axis. Default 1; with 0, one size in eight or so is 0. */
  readonly minSize?: number;
  /** Largest size of an axis. Default 4. */
  readonly maxSize?: number;
}

/** Sizes of one axis; an empty axis is rare, because it makes the whole tensor empty. */
function sizes(minSize: number, maxSize: number): fc.Arbitrary<number> {
  const positive = fc.integer({ min: Math.max(1, minSize), max: maxSize });
  return minSize > 0
    ? positive
    : fc.oneof({ weight: 7, arbitrary: positive }, { weight: 1, arbitrary: fc.constant(0) });
}

/** Shapes with few small axes. */
export function shapes(constraints: ShapeConstraints = {}): fc.Arbitrary<Shape> {
  const { minRank = 0, maxRank = 3, minSize = 1, maxSize = 4 } = constraints;
  return fc.array(sizes(minSize, maxSize), { minLength: minRank, maxLength: maxRank });
}

/** `count` shapes (default 2) that broadcast to a common one: leading axes may be missing, others may be 1. */
export function broadcastableShapes(constraints: ShapeConstraints = {}, count = 2): fc.Arbitrary<readonly Shape[]> {
  return shapes(constraints).chain((full) => {
    const one = fc
      .tuple(fc.nat({ max: full.length }), fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }))
      .map(([dropped, repeated]) => full.map((n, axis) => (repeated[axis] === true ? 1 : n)).slice(dropped));
    return fc.array(one, { minLength: count, maxLength: count });
  });
}
