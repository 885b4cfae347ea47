/*
 * What cells refuse, in the same words whatever their kind.
 */
import { ArgumentError, DeviceError, DTypeError, formatShape, type Shape, ShapeError, sameShape } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import type { SpatialDims } from "./options.ts";

/** @throws ArgumentError unless there are 1, 2 or 3 spatial axes */
export function checkSpatialDims(op: string, spatialDims: SpatialDims): void {
  if (spatialDims === 1 || spatialDims === 2 || spatialDims === 3) return;
  throw new ArgumentError(op, `spatialDims must be 1, 2 or 3, got ${String(spatialDims)}`, { got: spatialDims });
}

/** @throws DTypeError, DeviceError unless a tensor (called `name`) has the dtype and device of a weight */
export function checkHome(op: string, name: string, tensor: Tensor, { dtype, device }: Tensor): void {
  if (tensor.dtype !== dtype) {
    const remedy = `convert it with to("${dtype}"), or the model with model.to("${tensor.dtype}")`;
    throw new DTypeError(op, `${name} is ${tensor.dtype} but the weights are ${dtype}; ${remedy}`, {
      expected: dtype,
      got: tensor.dtype,
    });
  }
  if (tensor.device !== device) {
    throw new DeviceError(
      op,
      `${name} is on ${tensor.device.name} but the weights are on ${device.name}; move one with to(device)`,
      { expected: device.name, got: tensor.device.name },
    );
  }
}

/** @throws ShapeError unless there are a batch, channels and `spatialDims` axes */
export function checkAxes(op: string, { shape, rank }: Tensor, spatialDims: SpatialDims): void {
  if (rank === spatialDims + 2) return;
  throw new ShapeError(op, `needs ${spatialDims + 2} axes [N,C,…], got ${formatShape(shape)}`, {
    expected: spatialDims + 2,
    got: rank,
  });
}

/** @throws ShapeError unless an input `[N, C, …]` has the channels that a cell expects */
export function checkChannels(op: string, { shape }: Tensor, expected: number): void {
  const got = shape[1];
  if (got === expected) return;
  throw new ShapeError(
    op,
    `input has ${got} channels but the cell expects ${expected} (input [N,C,…] = ${formatShape(shape)})`,
    { expected, got },
  );
}

/**
 * Checks a state, part by part.
 * @param expected - shape of each part, `[N, H, …]`
 * @param like - a weight, with dtype and device
 * @throws ShapeError, DTypeError, DeviceError naming the part and both sides
 */
export function checkParts(
  op: string,
  names: readonly string[],
  parts: readonly Tensor[],
  expected: Shape,
  like: Tensor,
): void {
  for (const [k, value] of parts.entries()) {
    const name = `state ${names[k]}`;
    checkHome(op, name, value, like);
    if (!sameShape(value.shape, expected)) {
      throw new ShapeError(
        op,
        `${name} has shape ${formatShape(value.shape)} but [N,H,…] = ${formatShape(expected)} is needed`,
        { expected, got: value.shape },
      );
    }
  }
}
