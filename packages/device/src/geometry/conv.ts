import { ArgumentError, ShapeError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";

/** One spatial axis of a convolution. */
export interface ConvAxis {
  /** Input size. */
  readonly size: number;
  /** Kernel size. */
  readonly kernel: number;
  /** Step between outputs. */
  readonly stride: number;
  /** Zeros before the input. */
  readonly padBefore: number;
  /** Zeros after the input. */
  readonly padAfter: number;
  /** Step between kernel taps. */
  readonly dilation: number;
  /** Output size. */
  readonly outSize: number;
}

/**
 * Every number of a convolution, made once by the op and carried to the forward kernel and both gradients on every device.
 * Input `[batch, inChannels, …size]`, weight `[outChannels, inChannels / groups, …kernel]`, output `[batch, outChannels, …outSize]`.
 */
export interface ConvGeometry {
  /** Samples N. */
  readonly batch: number;
  /** Input channels C. */
  readonly inChannels: number;
  /** Output channels O. */
  readonly outChannels: number;
  /** Independent groups of channels. */
  readonly groups: number;
  /** One to three spatial axes, outermost first. */
  readonly axes: readonly ConvAxis[];
}

/**
 * Padding: zeros on both sides (one number, or one per axis), before and after per axis, `"same"` (output size = ceil(size / stride),
 * the odd zero goes after, as in TensorFlow), or `"valid"` (none).
 */
export type Padding = number | readonly (number | readonly [before: number, after: number])[] | "same" | "valid";

/** One number for all spatial axes, or one per axis. */
export type PerAxis = number | readonly number[];

/** What a convolution is asked to do, before it is checked. */
export interface ConvOptions {
  /** Step between outputs. Default 1. */
  readonly stride?: PerAxis;
  /** Zeros around the input. Default 0. */
  readonly padding?: Padding;
  /** Step between kernel taps. Default 1. */
  readonly dilation?: PerAxis;
  /** Independent groups of channels. Default 1. */
  readonly groups?: number;
}

/**
 * One number per axis.
 * @throws ArgumentError if the count is wrong or a value is not a whole number >= `least`.
 */
export function perAxis(op: string, name: string, value: PerAxis, axes: number, least: number): number[] {
  if (typeof value !== "number" && !Array.isArray(value)) {
    throw new ArgumentError(op, `${name} must be a number or one per spatial axis, got ${String(value)}`, {
      got: value,
    });
  }
  const values: number[] = typeof value === "number" ? Array.from({ length: axes }, () => value) : [...value];
  if (values.length !== axes) {
    throw new ArgumentError(
      op,
      `${name} has ${values.length} values but there are ${axes} spatial axes (${name} = [${values.join(",")}])`,
      {
        expected: axes,
        got: values.length,
      },
    );
  }
  for (const n of values) {
    if (!Number.isSafeInteger(n) || n < least) {
      throw new ArgumentError(op, `${name} must be whole numbers >= ${least}, got [${values.join(",")}]`, {
        got: values,
      });
    }
  }
  return values;
}

/** Names of one, two and three spatial axes, for messages. */
const spatialNames: readonly (readonly string[])[] = [["L"], ["H", "W"], ["D", "H", "W"]];

/**
 * Both shapes of a convolution as they stand in messages: `(input [N,C,H,W] = [2,3,8,8], weight [O,I,kH,kW] = [8,4,3,3])`.
 * @param channels - names of the weight's first two axes. Default O, I.
 */
export function describeConv(input: Shape, weight: Shape, channels: readonly [string, string] = ["O", "I"]): string {
  const inputNames = ["N", "C", ...(spatialNames[input.length - 3] ?? ["…"])];
  const kernelNames = [...channels, ...(spatialNames[weight.length - 3]?.map((name) => `k${name}`) ?? ["…k"])];
  return `(input [${inputNames.join()}] = ${formatShape(input)}, weight [${kernelNames.join()}] = ${formatShape(weight)})`;
}

/** Zeros before and after each axis under {@link Padding}. */
function resolvePadding(
  op: string,
  padding: Padding,
  axes: readonly { size: number; kernel: number; stride: number; dilation: number }[],
): (readonly [number, number])[] {
  if (padding === "valid") return axes.map(() => [0, 0]);
  if (padding === "same") {
    return axes.map(({ size, kernel, stride, dilation }) => {
      const outSize = Math.ceil(size / stride);
      const total = Math.max(0, (outSize - 1) * stride + dilation * (kernel - 1) + 1 - size);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  if (typeof padding === "string") {
    throw new ArgumentError(op, `padding must be a number, one per axis, "same" or "valid", got "${String(padding)}"`, {
      got: padding,
    });
  }
  const pairs = typeof padding === "number" ? axes.map(() => padding) : padding;
  if (pairs.length !== axes.length) {
    throw new ArgumentError(op, `padding has ${pairs.length} values but there are ${axes.length} spatial axes`, {
      expected: axes.length,
      got: pairs.length,
    });
  }
  return pairs.map((pair) => {
    const [before, after] = typeof pair === "number" ? [pair, pair] : pair;
    if (!Number.isSafeInteger(before) || !Number.isSafeInteger(after) || before < 0 || after < 0) {
      throw new ArgumentError(op, `padding must be whole numbers >= 0, got [${before},${after}]`, { got: pair });
    }
    return [before, after];
  });
}

/**
 * Checks the shapes and options of a convolution and makes its geometry.
 * @param op - name for messages, e.g. `conv2d`
 * @param input - `[N, C, …]`
 * @param weight - `[O, C/groups, …k]`
 * @throws ShapeError if the shapes do not fit each other; ArgumentError if an option is out of range.
 */
export function convGeometry(op: string, input: Shape, weight: Shape, options: ConvOptions = {}): ConvGeometry {
  const sides = describeConv(input, weight);
  if (input.length !== weight.length || input.length < 3 || input.length > 5) {
    throw new ShapeError(op, `input and weight need the same number of axes, 3 to 5 ${sides}`, {
      expected: weight.length,
      got: input.length,
    });
  }
  const [batch = 0, inChannels = 0, ...sizes] = input;
  const [outChannels = 0, groupChannels = 0, ...kernels] = weight;
  const rank = sizes.length;
  const groups = options.groups ?? 1;
  if (!Number.isSafeInteger(groups) || groups < 1) {
    throw new ArgumentError(op, `groups must be a whole number >= 1, got ${groups}`, { got: groups });
  }
  if (inChannels !== groupChannels * groups) {
    const expects =
      groups === 1
        ? `weight expects ${groupChannels}`
        : `weight with ${groups} groups expects ${groupChannels * groups}`;
    throw new ShapeError(op, `input has ${inChannels} channels but ${expects} ${sides}`, {
      expected: groupChannels * groups,
      got: inChannels,
    });
  }
  if (outChannels % groups !== 0) {
    throw new ShapeError(op, `${outChannels} output channels are not divisible by ${groups} groups ${sides}`, {
      got: outChannels,
    });
  }
  if (inChannels === 0 || outChannels === 0) {
    throw new ShapeError(op, `a convolution needs at least one input and one output channel ${sides}`);
  }
  const strides = perAxis(op, "stride", options.stride ?? 1, rank, 1);
  const dilations = perAxis(op, "dilation", options.dilation ?? 1, rank, 1);
  const open = sizes.map((size, axis) => ({
    size,
    kernel: kernels[axis] ?? 0,
    stride: strides[axis] ?? 1,
    dilation: dilations[axis] ?? 1,
  }));
  const pads = resolvePadding(op, options.padding ?? 0, open);
  const axes = open.map((axis, index): ConvAxis => {
    const [padBefore, padAfter] = pads[index] ?? [0, 0];
    const span = axis.dilation * (axis.kernel - 1) + 1;
    const padded = axis.size + padBefore + padAfter;
    if (axis.kernel < 1) throw new ShapeError(op, `kernel sizes must be >= 1 ${sides}`, { got: kernels });
    if (padded < span) {
      throw new ShapeError(
        op,
        `the kernel spans ${span} along spatial axis ${index} but the padded input has only ${padded} ${sides}; use a larger padding or a smaller kernel or dilation`,
        { expected: span, got: padded },
      );
    }
    return { ...axis, padBefore, padAfter, outSize: Math.floor((padded - span) / axis.stride) + 1 };
  });
  return { batch, inChannels, outChannels, groups, axes };
}

/** `[N, C, …size]` */
export function convInputShape(geometry: ConvGeometry): number[] {
  return [geometry.batch, geometry.inChannels, ...geometry.axes.map((axis) => axis.size)];
}

/** `[O, C/groups, …kernel]` */
export function convWeightShape(geometry: ConvGeometry): number[] {
  return [geometry.outChannels, geometry.inChannels / geometry.groups, ...geometry.axes.map((axis) => axis.kernel)];
}

/** `[N, O, …outSize]` */
export function convOutputShape(geometry: ConvGeometry): number[] {
  return [geometry.batch, geometry.outChannels, ...geometry.axes.map((axis) => axis.outSize)];
}
