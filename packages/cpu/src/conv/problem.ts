import type { ConvAxis, ConvGeometry } from "@squall/device";

/** Three spatial axes, outermost first. */
export type Axes = readonly [ConvAxis, ConvAxis, ConvAxis];

/** Where weights lie: that of output channel `o`, input channel `c` (both within group `g`) and tap `k` is `start + g·group + o·output + c·input + k·tap`. */
export interface WeightPlaces {
  readonly start: number;
  readonly group: number;
  readonly output: number;
  readonly input: number;
  readonly tap: number;
}

/** A convolution, or an input gradient written as one. */
export interface ConvProblem {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly axes: Axes;
  readonly weights: WeightPlaces;
}

const unit: ConvAxis = { size: 1, kernel: 1, stride: 1, padBefore: 0, padAfter: 0, dilation: 1, outSize: 1 };

/** Axes of size 1 in front make it three. */
export function threeAxes(axes: readonly ConvAxis[]): Axes {
  const [d, h, w] = [unit, unit, ...axes].slice(-3);
  return [d, h, w];
}

/** Weights per pair of channels. */
export function tapsOf(axes: Axes): number {
  return axes[0].kernel * axes[1].kernel * axes[2].kernel;
}

/** A convolution as it stands. */
export function forwardProblem(geometry: ConvGeometry): ConvProblem {
  const { batch, inChannels, outChannels, groups } = geometry;
  const axes = threeAxes(geometry.axes);
  const taps = tapsOf(axes);
  const inputs = inChannels / groups;
  const outputs = outChannels / groups;
  const weights = { start: 0, group: outputs * inputs * taps, output: inputs * taps, input: taps, tap: 1 };
  return { batch, inChannels, outChannels, groups, axes, weights };
}

/**
 * The axes of the input gradient of a convolution of stride 1, which is a convolution of the output gradient with the kernel turned
 * round. `undefined` where that is not so: strides, or more padding than the kernel reaches over.
 */
export function reversedAxes(axes: Axes): Axes | undefined {
  const [d, h, w] = axes.map((axis): ConvAxis => {
    return {
      size: axis.outSize,
      kernel: axis.kernel,
      stride: 1,
      padBefore: axis.dilation * (axis.kernel - 1) - axis.padBefore,
      padAfter: axis.size + axis.padBefore - axis.outSize,
      dilation: axis.dilation,
      outSize: axis.size,
    };
  });
  const fits = axes.every((axis) => axis.stride === 1) && [d, h, w].every((axis) => axis.padBefore >= 0);
  return fits ? [d, h, w] : undefined;
}

/** The input gradient of a convolution as a convolution with exchanged channels, where {@link reversedAxes} says how. */
export function inputGradientProblem(geometry: ConvGeometry): ConvProblem | undefined {
  const { batch, inChannels, outChannels, groups } = geometry;
  const forward = threeAxes(geometry.axes);
  const axes = reversedAxes(forward);
  if (axes === undefined) return undefined;
  const taps = tapsOf(forward);
  const inputs = inChannels / groups;
  const outputs = outChannels / groups;
  return {
    batch,
    inChannels: outChannels,
    outChannels: inChannels,
    groups,
    axes,
    weights: { start: taps - 1, group: outputs * inputs * taps, output: taps, input: inputs * taps, tap: -1 },
  };
}
