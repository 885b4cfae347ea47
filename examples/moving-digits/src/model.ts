// The model of the example: frames in and out in pixels, an EncoderForecaster over patches in between.

import { EncoderForecaster, init, Module } from "@squall/nn";
import { type Device, type Generator, noGrad, type Tensor, tensor } from "@squall/tensor";
import type { Options } from "./presets.ts";
import { scope } from "./scope.ts";

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
  const parts = scope(() =>
    noGrad(() =>
      tensor(input, { shape, device: model.device })
        .split(16)
        .map((part) => model.forward(part, steps).sigmoid()),
    ),
  );
  const arrays = await Promise.all(parts.map((part) => part.data()));
  const result = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    result.set(array, at);
    at += array.length;
  }
  return result;
}
