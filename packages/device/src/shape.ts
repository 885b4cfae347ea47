import { ShapeError } from "./errors.ts";

/** Sizes of a tensor's axes, outermost first. A scalar has the empty shape. */
export type Shape = readonly number[];

/** Number of elements. 1 for a scalar, 0 if any axis is empty. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const n of shape.toReversed()) {
    strides.push(stride);
    stride *= n;
  }
  return strides.reverse();
}

/** Whether two shapes are equal, axis by axis. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis]);
}

/** A shape as it stands in messages: `[2,3,8,8]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/**
 * Checks that every size is a whole number of zero or more.
 * @throws ShapeError otherwise.
 */
export function checkShape(op: string, shape: Shape): void {
  for (const n of shape) {
    if (!Number.isSafeInteger(n) || n < 0) {
      throw new ShapeError(op, `sizes must be whole numbers >= 0, got ${formatShape(shape)}`, { got: shape });
    }
  }
  if (!Number.isSafeInteger(sizeOf(shape))) {
    throw new ShapeError(op, `a tensor of shape ${formatShape(shape)} is too large`, { got: shape });
  }
}

/**
 * The shape of a broadcast result, by NumPy's rule: axes are matched from the last one; sizes are equal or one of them is 1.
 * @throws ShapeError if two sizes differ and neither is 1.
 */
export function broadcastShapes(op: string, shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1;
    for (const shape of shapes) {
      const n = shape[axis - rank + shape.length] ?? 1;
      if (n === 1 || n === size) continue;
      if (size !== 1) {
        throw new ShapeError(
          op,
          `shapes ${shapes.map(formatShape).join(" and ")} do not broadcast: sizes ${size} and ${n} of axis ${axis} differ and neither is 1`,
          { expected: size, got: n },
        );
      }
      size = n;
    }
    return size;
  });
}

/** Strides that read a tensor of shape `from` as if it had the broadcast shape `to` (0 along repeated axes). */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const own = stridesOf(from);
  const offset = to.length - from.length;
  return to.map((n, axis) => {
    const size = from[axis - offset] ?? 1;
    return size === 1 && n !== 1 ? 0 : (own[axis - offset] ?? 0);
  });
}
