import type { WeightPlaces } from "../conv/problem.ts";
import type { WeightSource } from "../conv/weights.ts";
import type { BandShape } from "../emit/bandConv.ts";
import { gateBlock, gateUnit } from "../emit/lstmRows.ts";
import type { SequenceSizes } from "./plan.ts";

/** Weights of input and state side by side, `[4H, C + H, taps]`, where they are merged; else those of the state. */
export function stateWeights(
  { merged, inputs, hidden }: SequenceSizes,
  state: Float32Array,
  input: Float32Array | undefined,
): Float32Array {
  if (!merged || input === undefined) return state;
  const whole = new Float32Array(state.length + input.length);
  const rows = 4 * hidden;
  const [fromState, fromInput] = [state.length / rows, input.length / rows];
  const row = inputs === 0 ? fromState : fromState + fromInput;
  for (let o = 0; o < rows; o++) {
    whole.set(input.subarray(o * fromInput, (o + 1) * fromInput), o * row);
    whole.set(state.subarray(o * fromState, (o + 1) * fromState), o * row + fromInput);
  }
  return whole;
}

/** The gate output `[4H]` of each lane: gates of eight hidden channels lie together. Lanes that fill up are -1. */
export function gateLanes({ hidden }: SequenceSizes, { allPanels, vectors }: BandShape): Int32Array {
  return Int32Array.from({ length: allPanels * vectors * 4 }, (_, lane) => {
    const channel = Math.floor(lane / gateUnit) * gateBlock + (lane % gateBlock);
    const gate = Math.floor((lane % gateUnit) / gateBlock);
    return channel < hidden ? gate * hidden + channel : -1;
  });
}

/** Forward weights `[4H, channels, taps]` for a band convolution. */
export function forwardSource(sizes: SequenceSizes, shape: BandShape, data: Float32Array): WeightSource {
  const [d, h, w] = shape.kernel;
  const taps = d * h * w;
  const places: WeightPlaces = { start: 0, group: 0, output: shape.channels * taps, input: taps, tap: 1 };
  return { data, places, lanes: gateLanes(sizes, shape), groups: 1 };
}

/**
 * The same weights for the way back: from gates, `[4, filled]` a pixel, to `channels` channels of which `lanes` says which lane computes
 * which.
 */
export function backwardSource(
  { hidden, filled }: SequenceSizes,
  shape: BandShape,
  data: Float32Array,
  channels: number,
  lanes: (lane: number) => number,
): WeightSource {
  const [d, h, w] = shape.kernel;
  const taps = d * h * w;
  return {
    data,
    places: { start: taps - 1, group: 0, output: taps, input: channels * taps, tap: -1 },
    lanes: Int32Array.from({ length: shape.allPanels * shape.vectors * 4 }, (_, lane) => lanes(lane)),
    channels: Int32Array.from({ length: 4 * filled }, (_, c) =>
      c % filled < hidden ? Math.floor(c / filled) * hidden + (c % filled) : -1,
    ),
    groups: 1,
  };
}

/** The bias in the order of the lanes; zeros without one. */
export function laneBias(sizes: SequenceSizes, shape: BandShape, bias: Float32Array | undefined): Float32Array {
  return Float32Array.from(gateLanes(sizes, shape), (output) => (output < 0 || bias === undefined ? 0 : bias[output]));
}

/** Peephole weights as the gate kernels read them: `[3, filled]`, or `[pixel, 3, filled]` if there is one per position. */
export function filledPeephole(
  { hidden, filled, positions }: SequenceSizes,
  kind: "none" | "channel" | "full",
  peephole: Float32Array | undefined,
): Float32Array {
  if (peephole === undefined || kind === "none") return new Float32Array(4);
  const [pixels, step] = kind === "channel" ? [1, 1] : [positions, positions];
  const out = new Float32Array(pixels * 3 * filled);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let q = 0; q < 3; q++) {
      for (let c = 0; c < hidden; c++) out[(pixel * 3 + q) * filled + c] = peephole[(q * hidden + c) * step + pixel];
    }
  }
  return out;
}
