import { formatShape, type Shape, ShapeError, sizeOf, stridesOf } from "@squall/device";
import { defineOp } from "../autograd/op.ts";
import type { Tensor } from "../tensor.ts";
import { resolveDim, sizeAt } from "./axes.ts";
import { split } from "./split.ts";

function joinedShape(first: Shape, axis: number, sizes: readonly number[]): number[] {
  return first.with(
    axis,
    sizes.reduce((a, b) => a + b, 0),
  );
}

interface CatArgs {
  readonly axis: number;
  /** Size of each input along the axis. */
  readonly sizes: readonly number[];
}

const catOp = defineOp<CatArgs>({
  name: "cat",
  shape: (inputs, { axis, sizes }) => {
    const [first, ...rest] = inputs;
    if (first === undefined) return [];
    for (const [k, input] of rest.entries()) {
      const fits = input.rank === first.rank && input.shape.every((n, a) => a === axis || n === first.shape[a]);
      if (!fits) {
        throw new ShapeError(
          "cat",
          `tensor ${k + 1} of shape ${formatShape(input.shape)} does not continue ${formatShape(first.shape)} along axis ${axis}: all other sizes must be equal`,
          { expected: first.shape, got: input.shape },
        );
      }
    }
    return joinedShape(first.shape, axis, sizes);
  },
  run: (inputs, { axis, sizes }) => {
    const [first] = inputs;
    if (first === undefined) throw new ShapeError("cat", "needs at least one tensor");
    const whole = joinedShape(first.shape, axis, sizes);
    const { kernels } = first.device;
    const target = kernels.fill(first.dtype, sizeOf(whole), 0);
    const targetStrides = stridesOf(whole);
    let position = 0;
    for (const { shape, storage } of inputs) {
      const targetOffset = position * (targetStrides[axis] ?? 0);
      kernels.copy(
        { shape, sourceOffset: 0, sourceStrides: stridesOf(shape), targetOffset, targetStrides },
        storage,
        target,
      );
      position += sizeAt(shape, axis);
    }
    return target;
  },
  saves: () => ({ inputs: [], outputs: [] }),
  gradient: (context) => split(context.gradient(), context.args.sizes, context.args.axis),
});

/**
 * Joins tensors along an existing axis.
 * @param dim - default 0
 * @throws ShapeError if there are none or another axis differs; DTypeError, DeviceError
 */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  const [first] = tensors;
  if (first === undefined)
    throw new ShapeError("cat", "needs at least one tensor, got an empty list", { expected: 1, got: 0 });
  const axis = resolveDim("cat", dim, first.shape);
  return catOp(tensors, { axis, sizes: tensors.map((tensor) => sizeAt(tensor.shape, axis)) });
}

/**
 * Joins tensors of one shape along a new axis.
 * @param dim - where the new axis goes. Default 0.
 * @throws ShapeError if there are none or the shapes differ; DTypeError, DeviceError
 */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  const [first] = tensors;
  if (first === undefined)
    throw new ShapeError("stack", "needs at least one tensor, got an empty list", { expected: 1, got: 0 });
  for (const [k, { shape }] of tensors.entries()) {
    if (formatShape(shape) !== formatShape(first.shape)) {
      throw new ShapeError(
        "stack",
        `tensor ${k} has shape ${formatShape(shape)} but tensor 0 has ${formatShape(first.shape)}; all must be equal`,
        {
          expected: first.shape,
          got: shape,
        },
      );
    }
  }
  const axis = resolveDim("stack", dim, [...first.shape, 1]);
  return cat(
    tensors.map((tensor) => tensor.unsqueeze(axis)),
    axis,
  );
}
