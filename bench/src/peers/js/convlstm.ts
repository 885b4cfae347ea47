// A ConvLSTM layer over plain arrays: one convolution over cat(x, h) per step.
import { conv2d } from "./conv.ts";

/** Sizes of a layer. */
export interface LayerSizes {
  readonly batch: number;
  readonly steps: number;
  readonly channels: number;
  readonly hidden: number;
  readonly height: number;
  readonly width: number;
  readonly kernel: number;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Input and state weights `[4H, C, k, k]` and `[4H, H, k, k]` as one `[4H, C+H, k, k]`. */
export function fuse(input: Float32Array, state: Float32Array, rows: number): Float32Array {
  const [a, b] = [input.length / rows, state.length / rows];
  const fused = new Float32Array(input.length + state.length);
  for (let row = 0; row < rows; row++) {
    fused.set(input.subarray(row * a, (row + 1) * a), row * (a + b));
    fused.set(state.subarray(row * b, (row + 1) * b), row * (a + b) + a);
  }
  return fused;
}

/**
 * Runs a layer from zero states.
 * @param x - `[N, T, C, H, W]`
 * @param weight - `[4H, C+H, k, k]`, gates i, f, o, g
 * @param bias - `[4H]`
 * @returns hidden states `[N, T, H, H, W]`
 */
export function runLayer(sizes: LayerSizes, x: Float32Array, weight: Float32Array, bias: Float32Array): Float32Array {
  const { batch, steps, channels, hidden, height, width, kernel } = sizes;
  const image = height * width;
  const all = channels + hidden;
  const conv = { batch, channels: all, outChannels: 4 * hidden, height, width, kernel };
  const both = new Float32Array(batch * all * image);
  const cell = new Float32Array(batch * hidden * image);
  const output = new Float32Array(batch * steps * hidden * image);
  for (let t = 0; t < steps; t++) {
    for (let n = 0; n < batch; n++) {
      const from = (n * steps + t) * channels * image;
      both.set(x.subarray(from, from + channels * image), n * all * image);
    }
    const gates = conv2d(conv, both, weight, bias);
    for (let n = 0; n < batch; n++) {
      const first = 4 * n * hidden * image;
      for (let k = 0; k < hidden * image; k++) {
        const gate = (number: number): number => gates[first + number * hidden * image + k];
        const position = n * hidden * image + k;
        const c = sigmoid(gate(1)) * cell[position] + sigmoid(gate(0)) * Math.tanh(gate(3));
        cell[position] = c;
        const h = sigmoid(gate(2)) * Math.tanh(c);
        both[(n * all + channels) * image + k] = h;
        output[(n * steps + t) * hidden * image + k] = h;
      }
    }
  }
  return output;
}

/** The last step of hidden states `[N, T, H, H, W]`. */
export function lastStep(output: Float32Array, batch: number, steps: number): Float32Array {
  const frame = output.length / batch / steps;
  const last = new Float32Array(batch * frame);
  for (let n = 0; n < batch; n++) {
    last.set(output.subarray((n * steps + steps - 1) * frame, (n + 1) * steps * frame), n * frame);
  }
  return last;
}
