// The model of the example: an EncoderForecaster of frames in pixels.

import { EncoderForecaster, type ForecasterCell, init } from "@squall/nn";
import { type Generator, noGrad, scope, tensor } from "@squall/tensor";
import type { Options } from "./presets.ts";

/** The kind of model, of whatever recurrent layers. */
export type Forecaster = EncoderForecaster<ForecasterCell>;

/** The settings that decide a model's shape. */
export type ModelOptions = Pick<Options, "size" | "patch" | "hidden" | "kernel" | "stateKernel" | "peephole">;

/**
 * A model with random weights, on the CPU: from input frames `[N, T, 1, H, W]` to the logits of those that follow. Patches become channels,
 * so that the recurrence runs on a smaller grid (Shi et al. 2015, section 4.1).
 *
 * @param brightness mean brightness of the frames, see {@link startAtBrightness}
 */
export function makeModel(options: ModelOptions, brightness: number, generator: Generator): Forecaster {
  const { size, patch, hidden, kernel, stateKernel, peephole } = options;
  const model = new EncoderForecaster({
    inputChannels: 1,
    patchSize: patch,
    hiddenChannels: hidden,
    kernelSize: kernel,
    stateKernelSize: stateKernel,
    peephole,
    imageSize: [size, size],
    batchFirst: true,
    generator,
  });
  startAtBrightness(model, brightness);
  return model;
}

/**
 * Makes the untrained forecast start at the mean brightness of the frames: most pixels are dark, and a model that starts at grey spends its
 * first steps on learning that.
 */
export function startAtBrightness({ head }: Forecaster, brightness: number): void {
  if (head.bias !== undefined) init.constant_(head.bias, Math.log(brightness / (1 - brightness)));
}

/** Sequences that are forecast at once. */
const AT_ONCE = 16;

/**
 * Forecasts without recording, a few sequences at a time.
 *
 * @param input frames `[N, Tin, 1, H, W]`
 * @param shape `[N, Tin, 1, H, W]`
 * @returns probabilities `[N, steps, 1, H, W]`
 */
export async function forecast(
  model: Forecaster,
  input: Float32Array,
  shape: readonly number[],
  steps: number,
): Promise<Float32Array> {
  const { device } = model.head.weight;
  const [count = 0, frames = 0, ...frame] = shape;
  const pixels = frame.reduce((product, size) => product * size, 1);
  const result = new Float32Array(count * steps * pixels);
  for (let start = 0; start < count; start += AT_ONCE) {
    const end = Math.min(count, start + AT_ONCE);
    const seen = input.subarray(start * frames * pixels, end * frames * pixels);
    using forecasts = scope(() =>
      noGrad(() => model.forward(tensor(seen, { shape: [end - start, frames, ...frame], device }), steps).sigmoid()),
    );
    result.set(await forecasts.data(), start * steps * pixels);
  }
  return result;
}
