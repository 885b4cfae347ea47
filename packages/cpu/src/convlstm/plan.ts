import type { ConvLstmGeometry } from "@squall/device";
import { type BandPlan, planBands } from "../conv/bandPlan.ts";
import { type Axes, reversedAxes, threeAxes } from "../conv/problem.ts";
import { outputReach } from "../conv/weightGradient.ts";
import { type Frame, frameOf } from "../emit/frame.ts";
import { gateBlock, gateUnit } from "../emit/lstmRows.ts";

/** Sizes of a sequence that everything here needs. */
export interface SequenceSizes {
  readonly steps: number;
  readonly batch: number;
  /** Input channels; 0 without input. */
  readonly inputs: number;
  /** Hidden channels. */
  readonly hidden: number;
  /** Hidden channels filled up to whole vectors. */
  readonly filled: number;
  /** Sizes of the state along each axis. */
  readonly size: readonly [number, number, number];
  /** Sizes of the input along each axis. */
  readonly inputSize: readonly [number, number, number];
  /** Positions of the state. */
  readonly positions: number;
  /** Positions of the input. */
  readonly inputPositions: number;
  /** Axes of the state-to-state convolution. */
  readonly stateAxes: Axes;
  /** Axes of the input-to-state convolution. */
  readonly inputAxes: Axes | undefined;
  /** Whether input and state go through one convolution over both their channels: their kernels are alike. */
  readonly merged: boolean;
  /** States, `[pixel, filled]`, as a frame without zeros around. */
  readonly states: Frame;
}

/** The sizes of a sequence. */
export function sizesOf(geometry: ConvLstmGeometry): SequenceSizes {
  const { steps, state, input } = geometry;
  const stateAxes = threeAxes(state.axes);
  const inputAxes = input && threeAxes(input.axes);
  const filled = 4 * Math.ceil(state.inChannels / 4);
  const [d, h, w] = stateAxes;
  const [inD, inH, inW] = inputAxes ?? stateAxes;
  return {
    steps,
    batch: state.batch,
    inputs: input?.inChannels ?? 0,
    hidden: state.inChannels,
    filled,
    size: [d.size, h.size, w.size],
    inputSize: [inD.size, inH.size, inW.size],
    positions: d.size * h.size * w.size,
    inputPositions: inD.size * inH.size * inW.size,
    stateAxes,
    inputAxes,
    merged: inputAxes !== undefined && JSON.stringify(inputAxes) === JSON.stringify(stateAxes),
    states: frameOf(
      [d, h, w].map(({ size }) => ({ before: 0, size, reach: size })),
      filled,
    ),
  };
}

/** Whether the emitted sequence does a geometry at all. */
export function isPossible(geometry: ConvLstmGeometry): boolean {
  const { state, input } = geometry;
  const axes = threeAxes(state.axes);
  const kept = axes.every((axis) => axis.stride === 1 && axis.outSize === axis.size && axis.size > 0);
  const reversible = reversedAxes(axes) !== undefined && (input === undefined || reversedAxes(threeAxes(input.axes)));
  return kept && state.groups === 1 && (input?.groups ?? 1) === 1 && state.batch > 0 && reversible !== undefined;
}

/** The convolutions of the forward pass. */
export interface ForwardPlan {
  /** Over the state's channels, behind those of the input where they are merged. */
  readonly state: BandPlan;
  /** Over the input's channels, where they are not. */
  readonly input: BandPlan | undefined;
}

/** Cuts the forward pass of `images` samples. */
export function planForward(sizes: SequenceSizes, images: number): ForwardPlan {
  const { inputs, hidden, filled, merged, stateAxes, inputAxes } = sizes;
  const outputs = gateUnit * Math.ceil(hidden / gateBlock);
  const common = { images, outputs, groups: 1, unit: gateUnit };
  const before = merged ? inputs : 0;
  const state = planBands({ ...common, inputs: before + hidden, axes: stateAxes, frameChannels: before + filled });
  const separate = inputAxes !== undefined && !merged;
  return {
    state,
    input: separate ? planBands({ ...common, inputs, axes: inputAxes, onto: state }) : undefined,
  };
}

/** The convolutions of the backward pass: gradients of all pre-activations back to the state and the input. */
export interface BackwardPlan {
  /** To the state's channels (filled up), then to those of the input where they are merged and wanted. */
  readonly state: BandPlan;
  /** To the input's channels, where they are wanted and not merged. */
  readonly input: BandPlan | undefined;
  /** Frames of the gradients of the pre-activations, `[4, filled]` a pixel, for both and for the weight gradients. */
  readonly frame: Frame;
}

/** Channels of the gradient frames. */
function gateChannels({ filled }: SequenceSizes): number {
  return 4 * filled;
}

/** Cuts the backward pass of `images` samples. */
export function planBackward(sizes: SequenceSizes, images: number, wantsX: boolean): BackwardPlan {
  const { inputs, hidden, filled, merged, stateAxes, inputAxes, steps } = sizes;
  const channels = gateChannels(sizes);
  const common = { groups: 1, inputs: channels, frameChannels: channels };
  const back = reversedAxes(stateAxes);
  const inputBack = inputAxes && reversedAxes(inputAxes);
  if (back === undefined) throw new RangeError("the state convolution has no input gradient of stride 1");
  const toState = { ...common, images, outputs: filled + (merged && wantsX ? inputs : 0), axes: back };
  const toInput =
    inputBack === undefined || merged || !wantsX
      ? undefined
      : { ...common, images: images * steps, outputs: inputs, axes: inputBack };
  // One frame for all that read it: each reaches as far before and after the image as the one that reaches farthest.
  const reaches = [toState, toInput].flatMap((request) => {
    if (request === undefined) return [];
    const { first, shape } = planBands(request);
    const { before, extent } = shape.frame;
    return [[0, 1, 2].map((k) => ({ before: before[k] - first[k], reach: extent[k] - before[k] + first[k] }))];
  });
  const gradients = [{ inChannels: (merged ? inputs : 0) + hidden, axes: stateAxes }];
  if (inputAxes !== undefined && !merged) gradients.push({ inChannels: inputs, axes: inputAxes });
  for (const gradient of gradients) {
    const reach = outputReach({ ...gradient, outChannels: channels, groups: 1 });
    reaches.push(reach.map((count) => ({ before: 0, reach: count })));
  }
  const least = [0, 1, 2].map((k) => ({
    before: Math.max(...reaches.map((reach) => reach[k].before)),
    reach: Math.max(...reaches.map((reach) => reach[k].reach)),
  }));
  const state = planBands({ ...toState, least });
  return { state, input: toInput && planBands({ ...toInput, least }), frame: state.shape.frame };
}
