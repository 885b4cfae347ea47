import { ArgumentError, formatShape, type Shape, ShapeError, sizeOf, stridesOf } from "@squall/device";
import { defineMultiOutputOp } from "../autograd/op.ts";
import type { Tensor } from "../tensor.ts";
import { resolveDim, sizeAt } from "./axes.ts";
import { cat } from "./cat.ts";

interface SplitArgs {
  readonly axis: number;
  readonly sizes: readonly number[];
}

function partShapes(shape: Shape, { axis, sizes }: SplitArgs): number[][] {
  return sizes.map((size) => shape.with(axis, size));
}

/** One op for all parts: their gradients are joined once, so splitting a sequence costs no more than its length. */
const splitOp = defineMultiOutputOp<SplitArgs, [Tensor]>({
  name: "split",
  shapes: ([x], args) => partShapes(x.shape, args),
  run: ([x], args) => {
    const { kernels } = x.device;
    const sourceStrides = stridesOf(x.shape);
    let position = 0;
    return partShapes(x.shape, args).map((shape) => {
      const part = kernels.fill(x.dtype, sizeOf(shape), 0);
      const sourceOffset = position * (sourceStrides[args.axis] ?? 0);
      kernels.copy(
        { shape, sourceOffset, sourceStrides, targetOffset: 0, targetStrides: stridesOf(shape) },
        x.storage,
        part,
      );
      position += sizeAt(shape, args.axis);
      return part;
    });
  },
  saves: () => ({ inputs: [], outputs: [] }),
  gradient: (context) => [
    cat(
      context.args.sizes.map((_, k) => context.gradient(k)),
      context.args.axis,
    ),
  ],
});

/**
 * Cuts an axis into parts.
 * @param sizes - the size of every part (the last one may be smaller), or one size for each; these must add up to the axis
 * @param dim - default 0
 * @throws ShapeError if the sizes do not add up; ArgumentError if a size is not a whole number >= 0 (>= 1 for a single one)
 */
export function split(x: Tensor, sizes: number | readonly number[], dim = 0): Tensor[] {
  const axis = resolveDim("split", dim, x.shape);
  const total = sizeAt(x.shape, axis);
  if (typeof sizes === "number") {
    if (!Number.isSafeInteger(sizes) || sizes < 1)
      throw new ArgumentError("split", `the size of a part must be a whole number >= 1, got ${sizes}`, { got: sizes });
    const count = Math.max(1, Math.ceil(total / sizes));
    return splitOp([x], { axis, sizes: Array.from({ length: count }, (_, k) => Math.min(sizes, total - k * sizes)) });
  }
  if (sizes.some((n) => !Number.isSafeInteger(n) || n < 0)) {
    throw new ArgumentError("split", `sizes must be whole numbers >= 0, got [${sizes.join(",")}]`, { got: sizes });
  }
  const sum = sizes.reduce((a, b) => a + b, 0);
  if (sum !== total) {
    throw new ShapeError(
      "split",
      `sizes [${sizes.join(",")}] add up to ${sum} but axis ${axis} has ${total} (shape ${formatShape(x.shape)})`,
      {
        expected: total,
        got: sum,
      },
    );
  }
  return splitOp([x], { axis, sizes });
}

/**
 * Cuts an axis into (at most) `chunks` parts of equal size, the last one possibly smaller, as PyTorch's `chunk`.
 * @throws ArgumentError if `chunks` is not a whole number >= 1; ShapeError if the axis does not exist
 */
export function chunk(x: Tensor, chunks: number, dim = 0): Tensor[] {
  if (!Number.isSafeInteger(chunks) || chunks < 1)
    throw new ArgumentError("chunk", `the number of chunks must be a whole number >= 1, got ${chunks}`, {
      got: chunks,
    });
  const axis = resolveDim("chunk", dim, x.shape);
  return split(x, Math.max(1, Math.ceil(sizeAt(x.shape, axis) / chunks)), axis);
}

/** The positions of an axis as separate tensors, without that axis. @throws ShapeError if the axis does not exist */
export function unbind(x: Tensor, dim = 0): Tensor[] {
  const axis = resolveDim("unbind", dim, x.shape);
  if (sizeAt(x.shape, axis) === 0) return [];
  return split(x, 1, axis).map((part) => part.reshape(x.shape.toSpliced(axis, 1)));
}
