import { formatShape, type Shape, ShapeError } from "@squall/device";

/** An axis counted from the front; negative numbers count from the end. @throws ShapeError if it is out of range. */
export function resolveDim(op: string, dim: number, shape: Shape): number {
  const rank = shape.length;
  if (!Number.isInteger(dim) || dim < -rank || dim >= rank) {
    const range = rank === 0 ? "a scalar has no axes" : `axes go from ${-rank} to ${rank - 1}`;
    throw new ShapeError(op, `there is no axis ${dim} in shape ${formatShape(shape)}; ${range}`, {
      expected: rank,
      got: dim,
    });
  }
  return dim < 0 ? dim + rank : dim;
}

/** Several axes as {@link resolveDim}, ascending; all if left out. @throws ShapeError if one is out of range or named twice. */
export function resolveDims(op: string, dims: number | readonly number[] | undefined, shape: Shape): number[] {
  if (dims === undefined) return shape.map((_, axis) => axis);
  const list = (typeof dims === "number" ? [dims] : [...dims]).map((dim) => resolveDim(op, dim, shape));
  if (new Set(list).size !== list.length) {
    throw new ShapeError(op, `an axis is named twice in [${String(dims)}]`, { got: dims });
  }
  return list.sort((a, b) => a - b);
}

/** Size of an axis already resolved. */
export function sizeAt(shape: Shape, axis: number): number {
  return shape[axis] ?? 1;
}
