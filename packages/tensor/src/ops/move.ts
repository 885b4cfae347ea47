import {
  ArgumentError,
  broadcastStrides,
  checkShape,
  DeviceError,
  DTypeError,
  formatShape,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
  stridesOf,
} from "@squall/device";
import { defineOp, type Op } from "../autograd/op.ts";
import type { Tensor } from "../tensor.ts";
import { resolveDim, resolveDims, sizeAt } from "./axes.ts";
import { sumTo } from "./reduce.ts";

/** A block of a row-major tensor: where it starts, how far it reaches, how far apart its elements are. No element comes twice. */
interface Block {
  /** Shape of the whole tensor. */
  readonly whole: Shape;
  /** Shape of the block. */
  readonly shape: Shape;
  /** First element of the block in the whole. */
  readonly offset: number;
  /** Step per axis of the block in the whole; may be negative. */
  readonly strides: readonly number[];
}

/** Takes a block out of a tensor; its gradient puts the block back among zeros. */
function readOp(name: string): Op<Block, [Tensor]> {
  const op: Op<Block, [Tensor]> = defineOp<Block, [Tensor]>({
    name,
    shape: (_, block) => block.shape,
    run: ([x], { shape, offset, strides }) => {
      const { kernels } = x.device;
      const target = kernels.fill(x.dtype, sizeOf(shape), 0);
      kernels.copy(
        { shape, sourceOffset: offset, sourceStrides: strides, targetOffset: 0, targetStrides: stridesOf(shape) },
        x.storage,
        target,
      );
      return target;
    },
    saves: () => ({ inputs: [], outputs: [] }),
    gradient: (context) => [writeBlock([context.gradient()], { ...context.args, value: 0 })],
  });
  return op;
}

interface FilledBlock extends Block {
  /** What the rest of the whole is filled with. */
  readonly value: number;
}

/** Puts a tensor as a block into a constant; its gradient takes the block out. */
const writeBlock: Op<FilledBlock, [Tensor]> = defineOp<FilledBlock, [Tensor]>({
  name: "pad",
  shape: (_, block) => block.whole,
  run: ([x], { whole, shape, offset, strides, value }) => {
    const { kernels } = x.device;
    const target = kernels.fill(x.dtype, sizeOf(whole), value);
    kernels.copy(
      { shape, sourceOffset: 0, sourceStrides: stridesOf(shape), targetOffset: offset, targetStrides: strides },
      x.storage,
      target,
    );
    return target;
  },
  saves: () => ({ inputs: [], outputs: [] }),
  gradient: (context) => [sliceOp([context.gradient()], context.args)],
});

const cloneOp = readOp("clone");
const permuteOp = readOp("permute");
const sliceOp = readOp("slice");
const flipOp = readOp("flip");

/** A copy of its own; gradients flow through. */
export function clone(x: Tensor): Tensor {
  return cloneOp([x], { whole: x.shape, shape: x.shape, offset: 0, strides: stridesOf(x.shape) });
}

/** Axes in another order: axis `k` of the result is axis `dims[k]`. @throws ShapeError unless `dims` names every axis once */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const order = dims.map((dim) => resolveDim("permute", dim, x.shape));
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ShapeError(
      "permute",
      `dims must name each of the ${x.rank} axes of ${formatShape(x.shape)} once, got [${dims.join(",")}]`,
      {
        expected: x.rank,
        got: dims,
      },
    );
  }
  const strides = stridesOf(x.shape);
  return permuteOp([x], {
    whole: x.shape,
    shape: order.map((axis) => sizeAt(x.shape, axis)),
    offset: 0,
    strides: order.map((axis) => strides[axis] ?? 0),
  });
}

/** Exchanges two axes. @throws ShapeError if one does not exist */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  const a = resolveDim("transpose", dim0, x.shape);
  const b = resolveDim("transpose", dim1, x.shape);
  return permute(
    x,
    x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis)),
  );
}

const expandOp = defineOp<Shape, [Tensor]>({
  name: "expand",
  shape: (_, shape) => shape,
  run: ([x], shape) => {
    const { kernels } = x.device;
    const target = kernels.fill(x.dtype, sizeOf(shape), 0);
    kernels.copy(
      {
        shape,
        sourceOffset: 0,
        sourceStrides: broadcastStrides(x.shape, shape),
        targetOffset: 0,
        targetStrides: stridesOf(shape),
      },
      x.storage,
      target,
    );
    return target;
  },
  saves: () => ({ inputs: [], outputs: [] }),
  gradient: (context) => [sumTo(context.gradient(), context.inputShape(0))],
});

/**
 * Repeats axes of size 1, and new axes in front, to the given shape. Copies.
 * @param shape - sizes; -1 keeps the size of an existing axis
 * @throws ShapeError if an axis of another size than 1 would change
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  const extra = shape.length - x.rank;
  const target = shape.map((n, axis) => (n === -1 && axis >= extra ? sizeAt(x.shape, axis - extra) : n));
  checkShape("expand", target);
  const fits = extra >= 0 && x.shape.every((n, axis) => n === 1 || n === target[axis + extra]);
  if (!fits) {
    throw new ShapeError(
      "expand",
      `${formatShape(x.shape)} cannot be expanded to ${formatShape(target)}: only axes of size 1 repeat`,
      {
        expected: target,
        got: x.shape,
      },
    );
  }
  return sameShape(x.shape, target) ? x : expandOp([x], target);
}

/**
 * Elements `start`, `start + step`, … before `end` of one axis. Negative positions count from the end. Unlike in Python, positions
 * outside the axis are an error: nothing is clamped.
 * @param start - default 0
 * @param end - default the size of the axis
 * @param step - default 1; at least 1 (see {@link flip})
 * @throws ShapeError if the range does not lie within the axis; ArgumentError if `step` is not a whole number >= 1
 */
export function slice(x: Tensor, dim: number, start = 0, end?: number, step = 1): Tensor {
  const axis = resolveDim("slice", dim, x.shape);
  const size = sizeAt(x.shape, axis);
  const from = start < 0 ? start + size : start;
  const to = end === undefined ? size : end < 0 ? end + size : end;
  if (!Number.isSafeInteger(step) || step < 1) {
    throw new ArgumentError("slice", `step must be a whole number >= 1, got ${step}; use flip to go backwards`, {
      got: step,
    });
  }
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to > size || from > to) {
    throw new ShapeError(
      "slice",
      `the range ${start} to ${end ?? size} does not lie within axis ${axis} of size ${size} (shape ${formatShape(x.shape)})`,
      {
        expected: size,
        got: [start, end],
      },
    );
  }
  const strides = stridesOf(x.shape);
  const stride = strides[axis] ?? 0;
  return sliceOp([x], {
    whole: x.shape,
    shape: x.shape.with(axis, Math.ceil((to - from) / step)),
    offset: from * stride,
    strides: strides.with(axis, stride * step),
  });
}

/** `length` elements of one axis from `start` on. @throws ShapeError if they do not lie within the axis */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  const axis = resolveDim("narrow", dim, x.shape);
  const size = sizeAt(x.shape, axis);
  const from = start < 0 ? start + size : start;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(length) || from < 0 || length < 0 || from + length > size) {
    throw new ShapeError(
      "narrow",
      `start ${start} and length ${length} do not lie within axis ${axis} of size ${size} (shape ${formatShape(x.shape)})`,
      {
        expected: size,
        got: [start, length],
      },
    );
  }
  return slice(x, axis, from, from + length);
}

/** One position of an axis; the axis disappears. Negative positions count from the end. @throws ShapeError if there is no such position */
export function select(x: Tensor, dim: number, index: number): Tensor {
  const axis = resolveDim("select", dim, x.shape);
  const size = sizeAt(x.shape, axis);
  const at = index < 0 ? index + size : index;
  if (!Number.isSafeInteger(at) || at < 0 || at >= size) {
    throw new ShapeError(
      "select",
      `there is no position ${index} in axis ${axis} of size ${size} (shape ${formatShape(x.shape)})`,
      {
        expected: size,
        got: index,
      },
    );
  }
  return slice(x, axis, at, at + 1).reshape(x.shape.toSpliced(axis, 1));
}

/** Reverses the order along axes. @throws ShapeError if one does not exist */
export function flip(x: Tensor, dims: number | readonly number[]): Tensor {
  const axes = resolveDims("flip", dims, x.shape);
  const strides = stridesOf(x.shape);
  const empty = x.size === 0;
  return flipOp([x], {
    whole: x.shape,
    shape: x.shape,
    offset: empty ? 0 : axes.reduce((sum, axis) => sum + (sizeAt(x.shape, axis) - 1) * (strides[axis] ?? 0), 0),
    strides: strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride)),
  });
}

/**
 * Adds `value` (default 0) around a tensor.
 * @param pads - how many before and after, for the last axes in their order: `[[1, 1], [2, 0]]` pads rows by one on each side and columns
 * by two in front
 * @throws ShapeError if there are more pairs than axes; ArgumentError if a count is not a whole number >= 0
 */
export function pad(x: Tensor, pads: readonly (readonly [before: number, after: number])[], value = 0): Tensor {
  if (pads.length > x.rank) {
    throw new ShapeError("pad", `${pads.length} pairs for ${x.rank} axes of shape ${formatShape(x.shape)}`, {
      expected: x.rank,
      got: pads.length,
    });
  }
  if (pads.flat().some((n) => !Number.isSafeInteger(n) || n < 0)) {
    throw new ArgumentError(
      "pad",
      `counts must be whole numbers >= 0, got ${JSON.stringify(pads)}; use narrow to cut`,
      { got: pads },
    );
  }
  const first = x.rank - pads.length;
  const whole = x.shape.map((n, axis) => n + (pads[axis - first]?.[0] ?? 0) + (pads[axis - first]?.[1] ?? 0));
  const strides = stridesOf(whole);
  const offset = strides.reduce((sum, stride, axis) => sum + stride * (pads[axis - first]?.[0] ?? 0), 0);
  return writeBlock([x], { whole, shape: x.shape, offset, strides, value });
}

/** Overwrites `target` with `source`. @throws ShapeError, DTypeError, DeviceError if they do not match */
export function copyInto(op: string, source: Tensor, target: Tensor): void {
  if (!sameShape(source.shape, target.shape)) {
    throw new ShapeError(
      op,
      `source has shape ${formatShape(source.shape)} but target has ${formatShape(target.shape)}`,
      {
        expected: target.shape,
        got: source.shape,
      },
    );
  }
  if (source.dtype !== target.dtype) {
    throw new DTypeError(
      op,
      `source is ${source.dtype} but target is ${target.dtype}; convert it with to("${target.dtype}")`,
      {
        expected: target.dtype,
        got: source.dtype,
      },
    );
  }
  if (source.device !== target.device) {
    throw new DeviceError(
      op,
      `source is on ${source.device.name} but target is on ${target.device.name}; move it with to(device)`,
      {
        expected: target.device.name,
        got: source.device.name,
      },
    );
  }
  const strides = stridesOf(target.shape);
  target.device.kernels.copy(
    { shape: target.shape, sourceOffset: 0, sourceStrides: strides, targetOffset: 0, targetStrides: strides },
    source.storage,
    target.storage,
  );
}
