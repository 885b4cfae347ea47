import type { ConvAxis, ConvGeometry } from "@squall/device";
import type { Triple } from "../emit/bandConv.ts";

/** Three spatial axes, outermost first. */
export type Axes = readonly [ConvAxis, ConvAxis, ConvAxis];

/** Where weights lie: that of output channel `o`, input channel `c` (both within group `g`) and tap `k` is `start + g·group + o·output + c·input + k·tap`. */
export interface WeightPlaces {
  readonly start: number;
  readonly group: number;
  readonly output: number;
  readonly input: number;
  /** From a tap to the next, counted through; or along each axis. */
  readonly tap: number | Triple;
}

/** A convolution that yields some of the results: every so many, from a position on. */
export interface ConvPart {
  /** Spatial axes. Padding before may be negative: so many positions of the image are left out. */
  readonly axes: Axes;
  readonly weights: WeightPlaces;
  /** Position of its first result along each axis. */
  readonly start: Triple;
}

/** A convolution, or an input gradient written as convolutions of the same images. */
export interface ConvProblem {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  /** Sizes of an image along each axis. */
  readonly inSize: Triple;
  /** Sizes of a result. */
  readonly outSize: Triple;
  /** From a result of a part to its next along each axis. */
  readonly step: Triple;
  /** What yields the results; those that no part yields are 0. */
  readonly parts: readonly ConvPart[];
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

/** A number of each axis. */
export function triple(axes: Axes, pick: (axis: ConvAxis) => number): Triple {
  return [pick(axes[0]), pick(axes[1]), pick(axes[2])];
}

/** A convolution as it stands. */
export function forwardProblem(geometry: ConvGeometry): ConvProblem {
  const { batch, inChannels, outChannels, groups } = geometry;
  const axes = threeAxes(geometry.axes);
  const taps = tapsOf(axes);
  const inputs = inChannels / groups;
  const outputs = outChannels / groups;
  const weights = { start: 0, group: outputs * inputs * taps, output: inputs * taps, input: taps, tap: 1 };
  return {
    batch,
    inChannels,
    outChannels,
    groups,
    inSize: triple(axes, (axis) => axis.size),
    outSize: triple(axes, (axis) => axis.outSize),
    step: [1, 1, 1],
    parts: [{ axes, weights, start: [0, 0, 0] }],
  };
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

/** Positions of an input that the same taps reach, `start`, `start + stride` and so on: their gradient is a convolution of stride 1. */
interface Phase {
  readonly start: number;
  readonly axis: ConvAxis;
  /** The tap that comes first, which is the last one in the kernel. */
  readonly first: number;
  /** From a tap to the next. */
  readonly tap: number;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/**
 * The phases of an axis that any tap reaches. Output `o` and tap `k` meet input `i = o·stride + k·dilation - padBefore`. For inputs
 * `start + t·stride` these are the taps `k`, `k + m`, … for which that is so for a whole `o`, with `m = stride / gcd(stride, dilation)`.
 */
function phasesOf({ size, kernel, stride, padBefore, dilation, outSize }: ConvAxis): Phase[] {
  const phases: Phase[] = [];
  const common = divisor(stride, dilation);
  const tap = stride / common;
  for (let start = 0; start < Math.min(stride, size); start++) {
    const least = Array.from({ length: Math.min(tap, kernel) }, (_, k) => k).find(
      (k) => (start + padBefore - k * dilation) % stride === 0,
    );
    if (least === undefined) continue;
    const taps = Math.floor((kernel - 1 - least) / tap) + 1;
    const step = taps === 1 ? 1 : dilation / common;
    const reach = (taps - 1) * step;
    const before = reach - (start + padBefore - least * dilation) / stride;
    const count = Math.ceil((size - start) / stride);
    phases.push({
      start,
      axis: {
        size: outSize,
        kernel: taps,
        stride: 1,
        padBefore: before,
        padAfter: count + reach - before - outSize,
        dilation: step,
        outSize: count,
      },
      first: least + (taps - 1) * tap,
      tap: -tap,
    });
  }
  return phases;
}

/**
 * The input gradient of a convolution as convolutions with exchanged channels and the kernel turned round: one, or with strides one for
 * each choice of phases.
 */
export function inputGradientProblem(geometry: ConvGeometry): ConvProblem {
  const { batch, inChannels, outChannels, groups } = geometry;
  const forward = threeAxes(geometry.axes);
  const [d, h, w] = forward;
  const taps = tapsOf(forward);
  const inputs = inChannels / groups;
  const outputs = outChannels / groups;
  const parts: ConvPart[] = [];
  for (const z of phasesOf(d)) {
    for (const y of phasesOf(h)) {
      for (const x of phasesOf(w)) {
        parts.push({
          axes: [z.axis, y.axis, x.axis],
          weights: {
            start: (z.first * h.kernel + y.first) * w.kernel + x.first,
            group: outputs * inputs * taps,
            output: taps,
            input: inputs * taps,
            tap: [z.tap * h.kernel * w.kernel, y.tap * w.kernel, x.tap],
          },
          start: [z.start, y.start, x.start],
        });
      }
    }
  }
  return {
    batch,
    inChannels: outChannels,
    outChannels: inChannels,
    groups,
    inSize: triple(forward, (axis) => axis.outSize),
    outSize: triple(forward, (axis) => axis.size),
    step: triple(forward, (axis) => axis.stride),
    parts,
  };
}
