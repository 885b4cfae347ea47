// The model of the example: frames in and out in pixels, an EncoderForecaster over patches in between.

import { EncoderForecaster, init, Module } from "@squall/nn";
import { type Device, type Generator, noGrad, scope, type Tensor, tensor } from "@squall/tensor";
import type { Options } from "./presets.ts";

/** The settings that decide a model's shape. */
export type ModelOptions = Pick<Options, "size" | "patch" | "hidden" | "kernel" | "stateKernel" | "peephole">;

/** Forecasts frames of one channel: patches become channels, so that the recurrence runs on a smaller grid (Shi et al. 2015, section 4.1). */
export class PatchForecaster extends Module {
  /** The network over patches. */
  readonly network: EncoderForecaster;
  private readonly patch: number;

  /**
   * @param brightness mean brightness of the frames, where the untrained forecast starts: most pixels are dark, and a model that
   * starts at grey spends its first steps on learning that
   */
  constructor(options: ModelOptions, brightness: number, generator: Generator) {
    super();
    const { size, patch, hidden, kernel, stateKernel, peephole } = options;
    this.patch = patch;
    this.network = new EncoderForecaster({
      inputChannels: patch * patch,
      hiddenChannels: hidden,
      kernelSize: kernel,
      stateKernelSize: stateKernel,
      peephole,
      imageSize: [size / patch, size / patch],
      batchFirst: true,
      generator,
    });
    if (this.network.head.bias !== undefined) {
      init.constant_(this.network.head.bias, Math.log(brightness / (1 - brightness)));
    }
  }

  /** Where its parameters are. */
  get device(): Device {
    return this.network.head.weight.device;
  }

  /** From input frames `[N, T, 1, H, W]` to the logits of the `steps` frames that follow, `[N, steps, 1, H, W]`. */
  forward(frames: Tensor, steps: number): Tensor {
    return this.network.forward(frames.pixelUnshuffle(this.patch), steps).pixelShuffle(this.patch);
  }
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
  model: PatchForecaster,
  input: Float32Array,
  shape: readonly number[],
  steps: number,
): Promise<Float32Array> {
  const { device } = model;
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
