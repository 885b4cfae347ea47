import { ArgumentError, convGeometry, describeConv, type PerAxis, perAxis, ShapeError } from "@squall/device";
import type { Tensor } from "../tensor.ts";
import { checkBias, convInputOp } from "./conv.ts";

/** Options of a transposed convolution. */
export interface ConvTransposeOptions {
  /** Step between the places where input positions land in the output. Default 1. */
  readonly stride?: PerAxis;
  /** What the convolution that is transposed pads on both sides; the output shrinks by it. Default 0. */
  readonly padding?: PerAxis;
  /** Added to one end of the output; less than stride or dilation. Default 0. */
  readonly outputPadding?: PerAxis;
  /** Step between kernel taps. Default 1. */
  readonly dilation?: PerAxis;
  /** Independent groups of channels. Default 1. */
  readonly groups?: number;
}

function transposed(
  op: string,
  rank: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  options: ConvTransposeOptions,
): Tensor {
  const sides = describeConv(x.shape, weight.shape, ["C", "O"]);
  if (x.rank !== rank + 2 || weight.rank !== rank + 2) {
    throw new ShapeError(op, `input and weight need ${rank + 2} axes ${sides}`, {
      expected: rank + 2,
      got: [x.rank, weight.rank],
    });
  }
  const [batch = 0, channels = 0, ...sizes] = x.shape;
  const [weightChannels = 0, groupOut = 0, ...kernels] = weight.shape;
  if (channels !== weightChannels) {
    throw new ShapeError(op, `input has ${channels} channels but weight expects ${weightChannels} ${sides}`, {
      expected: weightChannels,
      got: channels,
    });
  }
  const { groups = 1 } = options;
  if (Number.isSafeInteger(groups) && groups >= 1 && channels % groups !== 0) {
    throw new ShapeError(op, `${channels} input channels are not divisible by ${groups} groups ${sides}`, {
      got: channels,
    });
  }
  const strides = perAxis(op, "stride", options.stride ?? 1, rank, 1);
  const paddings = perAxis(op, "padding", options.padding ?? 0, rank, 0);
  const dilations = perAxis(op, "dilation", options.dilation ?? 1, rank, 1);
  const extras = perAxis(op, "outputPadding", options.outputPadding ?? 0, rank, 0);
  const outSizes = sizes.map((size, axis) => {
    const [stride = 1, padding = 0, dilation = 1, extra = 0] = [
      strides[axis],
      paddings[axis],
      dilations[axis],
      extras[axis],
    ];
    if (extra >= Math.max(stride, dilation)) {
      throw new ArgumentError(
        op,
        `outputPadding must be less than stride or dilation, got ${extra} with stride ${stride} and dilation ${dilation}`,
        { got: extra },
      );
    }
    const outSize = (size - 1) * stride - 2 * padding + dilation * ((kernels[axis] ?? 1) - 1) + 1 + extra;
    if (outSize < 1) {
      throw new ShapeError(
        op,
        `the output would have size ${outSize} along spatial axis ${axis} ${sides}; use less padding`,
        { expected: 1, got: outSize },
      );
    }
    return outSize;
  });
  // The convolution whose input gradient this is: from our output to our input.
  const convolution = convGeometry(op, [batch, groupOut * groups, ...outSizes], weight.shape, {
    stride: strides,
    padding: paddings,
    dilation: dilations,
    groups,
  });
  // An outputPadding of a stride or more lies beyond what that convolution reads; it would have outputs that we have no inputs for.
  const axes = convolution.axes.map((axis, k) => ({ ...axis, outSize: sizes[k] ?? axis.outSize }));
  const geometry = { ...convolution, axes };
  checkBias(op, bias, geometry.inChannels);
  const y = convInputOp([x, weight], geometry);
  return bias === undefined ? y : y.add(bias.reshape([-1, ...kernels.map(() => 1)]));
}

/**
 * Transposed convolution over one axis: the gradient of {@link conv1d} with respect to its input, used forward.
 * @param x - `[N, C, L]`
 * @param weight - `[C, O/groups, kL]`
 * @param bias - `[O]`, or none
 * @returns `[N, O, outL]` with `outL = (L - 1)·stride - 2·padding + dilation·(kL - 1) + outputPadding + 1`
 * @throws ShapeError if shapes do not fit; ArgumentError if an option is out of range; DTypeError, DeviceError
 */
export function convTranspose1d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return transposed("convTranspose1d", 1, x, weight, bias, options);
}

/**
 * Transposed convolution over two axes: `[N, C, H, W]`, weight `[C, O/groups, kH, kW]`. See {@link convTranspose1d}.
 * @throws ShapeError, ArgumentError, DTypeError, DeviceError as {@link convTranspose1d}
 */
export function convTranspose2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return transposed("convTranspose2d", 2, x, weight, bias, options);
}

/**
 * Transposed convolution over three axes: `[N, C, D, H, W]`, weight `[C, O/groups, kD, kH, kW]`. See {@link convTranspose1d}.
 * @throws ShapeError, ArgumentError, DTypeError, DeviceError as {@link convTranspose1d}
 */
export function convTranspose3d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return transposed("convTranspose3d", 3, x, weight, bias, options);
}
