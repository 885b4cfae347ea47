import {
  type ConvGeometry,
  type ConvOptions,
  convGeometry,
  convInputShape,
  convOutputShape,
  convWeightShape,
  formatShape,
  type Shape,
  ShapeError,
  sameShape,
} from "@squall/device";
import { defineOp, type Op } from "../autograd/op.ts";
import type { Tensor } from "../tensor.ts";

/*
 * Three ops share one geometry and are each other's gradients, because the convolution is linear in input and weight:
 *
 *   conv(x, w)           d/dx = convInputGradient(g, w)    d/dw = convWeightGradient(x, g)
 *   convInputGradient(g, w)   d/dg = conv(·, w)            d/dw = convWeightGradient(·, g)
 *   convWeightGradient(x, g)  d/dx = convInputGradient(g, ·)   d/dg = conv(x, ·)
 */

/** @throws ShapeError unless an operand has the shape that the geometry says */
function checkOperand(op: string, name: string, operand: Tensor | undefined, shape: Shape): void {
  if (operand !== undefined && !sameShape(operand.shape, shape)) {
    throw new ShapeError(
      op,
      `the geometry needs ${name} of shape ${formatShape(shape)}, got ${formatShape(operand.shape)}`,
      {
        expected: shape,
        got: operand.shape,
      },
    );
  }
}

/** Sum over samples and positions: the gradient of a bias. */
function biasGradient(g: Tensor): Tensor {
  return g.sum(g.shape.map((_, axis) => axis).filter((axis) => axis !== 1));
}

const saveBoth = (
  _: ConvGeometry,
  [first = false, second = false]: readonly boolean[],
): { inputs: number[]; outputs: number[] } => ({
  inputs: [...(second ? [0] : []), ...(first ? [1] : [])],
  outputs: [],
});

/** The convolution itself; inputs `x`, `w` and perhaps `b`. */
export const convOp: Op<ConvGeometry, [Tensor, Tensor, ...Tensor[]]> = defineOp<
  ConvGeometry,
  [Tensor, Tensor, ...Tensor[]]
>({
  name: "conv",
  shape: ([x, w, b], geometry) => {
    checkOperand("conv", "an input", x, convInputShape(geometry));
    checkOperand("conv", "a weight", w, convWeightShape(geometry));
    checkOperand("conv", "a bias", b, [geometry.outChannels]);
    return convOutputShape(geometry);
  },
  run: ([x, w, b], geometry) => x.device.kernels.conv(geometry, x.storage, w.storage, b?.storage),
  saves: saveBoth,
  gradient: (context) => {
    const g = context.gradient();
    return [
      context.needs(0) ? convInputOp([g, context.input(1)], context.args) : undefined,
      context.needs(1) ? convWeightOp([context.input(0), g], context.args) : undefined,
      context.needs(2) ? biasGradient(g) : undefined,
    ];
  },
});

/** From a gradient of the output and the weight to a gradient of the input; the transposed convolution. */
export const convInputOp: Op<ConvGeometry, [Tensor, Tensor]> = defineOp<ConvGeometry, [Tensor, Tensor]>({
  name: "convInputGradient",
  shape: ([g, w], geometry) => {
    checkOperand("convInputGradient", "an output gradient", g, convOutputShape(geometry));
    checkOperand("convInputGradient", "a weight", w, convWeightShape(geometry));
    return convInputShape(geometry);
  },
  run: ([g, w], geometry) => g.device.kernels.convInputGradient(geometry, g.storage, w.storage),
  saves: saveBoth,
  gradient: (context) => {
    const u = context.gradient();
    return [
      context.needs(0) ? convOp([u, context.input(1)], context.args) : undefined,
      context.needs(1) ? convWeightOp([u, context.input(0)], context.args) : undefined,
    ];
  },
});

/** From the input and a gradient of the output to a gradient of the weight. */
export const convWeightOp: Op<ConvGeometry, [Tensor, Tensor]> = defineOp<ConvGeometry, [Tensor, Tensor]>({
  name: "convWeightGradient",
  shape: ([x, g], geometry) => {
    checkOperand("convWeightGradient", "an input", x, convInputShape(geometry));
    checkOperand("convWeightGradient", "an output gradient", g, convOutputShape(geometry));
    return convWeightShape(geometry);
  },
  run: ([x, g], geometry) => x.device.kernels.convWeightGradient(geometry, x.storage, g.storage),
  saves: saveBoth,
  gradient: (context) => {
    const u = context.gradient();
    return [
      context.needs(0) ? convInputOp([context.input(1), u], context.args) : undefined,
      context.needs(1) ? convOp([context.input(0), u], context.args) : undefined,
    ];
  },
});

/** @throws ShapeError unless the bias has one value per output channel */
export function checkBias(op: string, bias: Tensor | undefined, outChannels: number): void {
  if (bias !== undefined && (bias.rank !== 1 || bias.size !== outChannels)) {
    throw new ShapeError(
      op,
      `bias must have shape [${outChannels}], one value per output channel, got ${formatShape(bias.shape)}`,
      {
        expected: [outChannels],
        got: bias.shape,
      },
    );
  }
}

function convolve(op: string, axes: number, x: Tensor, w: Tensor, b: Tensor | undefined, options: ConvOptions): Tensor {
  if (x.rank !== axes + 2) {
    throw new ShapeError(
      op,
      `input needs ${axes + 2} axes [N, C, …] with ${axes} spatial ones, got ${formatShape(x.shape)}`,
      {
        expected: axes + 2,
        got: x.rank,
      },
    );
  }
  const geometry = convGeometry(op, x.shape, w.shape, options);
  checkBias(op, b, geometry.outChannels);
  return convOp(b === undefined ? [x, w] : [x, w, b], geometry);
}

/**
 * Convolution over one axis (cross-correlation, as in PyTorch).
 * @param x - `[N, C, L]`
 * @param weight - `[O, C/groups, kL]`
 * @param bias - `[O]`, or none
 * @returns `[N, O, outL]` with `outL = floor((L + padding - dilation·(kL - 1) - 1) / stride) + 1`
 * @throws ShapeError if shapes do not fit; ArgumentError if an option is out of range; DTypeError, DeviceError
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv1d", 1, x, weight, bias, options);
}

/**
 * Convolution over two axes: `[N, C, H, W]`, weight `[O, C/groups, kH, kW]`, to `[N, O, outH, outW]`. See {@link conv1d}.
 * @throws ShapeError, ArgumentError, DTypeError, DeviceError as {@link conv1d}
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv2d", 2, x, weight, bias, options);
}

/**
 * Convolution over three axes: `[N, C, D, H, W]`, weight `[O, C/groups, kD, kH, kW]`. See {@link conv1d}.
 * @throws ShapeError, ArgumentError, DTypeError, DeviceError as {@link conv1d}
 */
export function conv3d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  return convolve("conv3d", 3, x, weight, bias, options);
}
