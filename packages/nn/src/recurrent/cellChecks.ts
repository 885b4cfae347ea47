/*
 * What cells refuse, in the same words whatever their kind.
 */
import { ArgumentError, DeviceError, DTypeError, formatShape, type Shape, ShapeError, sameShape } from "@squall/device";
import { Tensor } from "@squall/tensor";
import { show } from "../arguments.ts";
import type { SpatialDims } from "./options.ts";

/** @throws ArgumentError unless there are 1, 2 or 3 spatial axes */
export function checkSpatialDims(op: string, spatialDims: SpatialDims): void {
  if (spatialDims === 1 || spatialDims === 2 || spatialDims === 3) return;
  throw new ArgumentError(op, `spatialDims must be 1, 2 or 3, got ${String(spatialDims)}`, { got: spatialDims });
}

/** @throws ArgumentError unless it is a tensor; DTypeError, DeviceError unless it (called `name`) has the dtype and device of a weight */
export function checkHome(op: string, name: string, tensor: Tensor, { dtype, device }: Tensor): void {
  if (!(tensor instanceof Tensor)) {
    throw new ArgumentError(op, `${name} must be a tensor, got ${show(tensor)}`, { got: tensor });
  }
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

/** What a sequence, or one frame of it, must look like. */
export interface SequenceLook {
  /** Number of axes. */
  readonly rank: number;
  /** Its axes as they stand in messages. */
  readonly layout: string;
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** Channels. */
  readonly channels: number;
}

/** @throws ArgumentError, ShapeError unless an input is a tensor with the axes and channels that a model expects */
export function checkSequence(op: string, x: Tensor, { rank, layout, spatialDims, channels }: SequenceLook): void {
  if (!(x instanceof Tensor)) {
    throw new ArgumentError(op, `input must be a tensor ${layout}, got ${show(x)}`, { expected: layout, got: x });
  }
  if (x.rank !== rank) {
    throw new ShapeError(op, `input needs ${rank} axes ${layout}, got ${formatShape(x.shape)}`, {
      expected: rank,
      got: x.rank,
    });
  }
  const got = x.shape[rank - spatialDims - 1];
  if (got !== channels) {
    throw new ShapeError(
      op,
      `input has ${got} channels but the model expects ${channels} (input ${layout} = ${formatShape(x.shape)})`,
      { expected: channels, got },
    );
  }
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
    if (!(value instanceof Tensor)) {
      const form = `{ ${names.join(", ")} }`;
      throw new ArgumentError(op, `${name} must be a tensor, got ${show(value)}; a state is an object ${form}`, {
        expected: names,
        got: value,
      });
    }
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
