import { checkShape, formatShape, type Shape, ShapeError, sizeOf } from "@squall/device";
import { defineOp } from "../autograd/op.ts";
import type { Dims, Tensor } from "../tensor.ts";
import { resolveDim, resolveDims, sizeAt } from "./axes.ts";

const reshapeOp = defineOp<Shape, [Tensor]>({
  name: "reshape",
  shape: (_, shape) => shape,
  run: ([x]) => x.storage,
  saves: () => ({ inputs: [], outputs: [] }),
  gradient: (context) => [context.gradient().reshape(context.inputShape(0))],
});

/**
 * The same elements in row-major order under another shape. Shares memory.
 * @param shape - one size may be -1: whatever is left
 * @throws ShapeError if the sizes do not multiply to the number of elements
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const unknown = shape.indexOf(-1);
  let resolved = shape;
  if (unknown >= 0) {
    const others = shape.filter((_, axis) => axis !== unknown);
    checkShape("reshape", others);
    const known = sizeOf(others);
    if (known === 0 || x.size % known !== 0) {
      throw new ShapeError(
        "reshape",
        `cannot fill -1: ${x.size} elements of shape ${formatShape(x.shape)} do not divide into ${formatShape(shape)}`,
        {
          expected: x.size,
          got: shape,
        },
      );
    }
    resolved = shape.with(unknown, x.size / known);
  }
  checkShape("reshape", resolved);
  if (sizeOf(resolved) !== x.size) {
    throw new ShapeError(
      "reshape",
      `shape ${formatShape(resolved)} has ${sizeOf(resolved)} elements but the tensor ${formatShape(x.shape)} has ${x.size}`,
      {
        expected: x.size,
        got: sizeOf(resolved),
      },
    );
  }
  return reshapeOp([x], resolved);
}

/** Joins axes `startDim` to `endDim` (included) into one. Default: all. A scalar becomes `[1]`. @throws ShapeError */
export function flatten(x: Tensor, startDim = 0, endDim = -1): Tensor {
  if (x.rank === 0) return reshape(x, [1]);
  const start = resolveDim("flatten", startDim, x.shape);
  const end = resolveDim("flatten", endDim, x.shape);
  if (start > end) {
    throw new ShapeError(
      "flatten",
      `startDim ${startDim} comes after endDim ${endDim} in shape ${formatShape(x.shape)}`,
      { got: [startDim, endDim] },
    );
  }
  return reshape(x, [...x.shape.slice(0, start), sizeOf(x.shape.slice(start, end + 1)), ...x.shape.slice(end + 1)]);
}

/** Removes axes of size 1: the given ones if their size is 1 (others stay, as in PyTorch), or all. @throws ShapeError */
export function squeeze(x: Tensor, dim?: Dims): Tensor {
  const dims = resolveDims("squeeze", dim, x.shape);
  return reshape(
    x,
    x.shape.filter((n, axis) => n !== 1 || !dims.includes(axis)),
  );
}

/** Inserts an axis of size 1 at `dim` (from -rank - 1 to rank). @throws ShapeError */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  const axis = resolveDim("unsqueeze", dim, [...x.shape, 1]);
  return reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
}

/** A shape with some axes set to 1, as reductions with `keepdim` leave it. */
export function keptShape(shape: Shape, dims: readonly number[]): number[] {
  return shape.map((_, axis) => (dims.includes(axis) ? 1 : sizeAt(shape, axis)));
}
