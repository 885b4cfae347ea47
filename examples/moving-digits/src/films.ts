// Films as a forecaster meets them: what it sees and what it should say. Runs in browsers too.

import { Generator } from "@squall/tensor";
import type { DigitSource } from "./digits.ts";
import type { Options } from "./presets.ts";
import { drawBatch, type SequenceSpec } from "./sequences.ts";

/** Films split into what a forecaster sees and what it should say. */
export interface Films {
  /** Number of films. */
  readonly count: number;
  /** Frames to see, `[N, Tin, 1, H, W]`. */
  readonly input: Float32Array;
  /** Frames to forecast, `[N, Tout, 1, H, W]`. */
  readonly truth: Float32Array;
}

/** Draws films from a source of digits. */
export type FilmSource = (count: number, generator: Generator) => Films;

/** The settings that decide what films look like. */
export type FilmOptions = Pick<Options, "inputFrames" | "outputFrames" | "size" | "speed" | "digits">;

/** Takes whole films `[N, Tin + Tout, 1, H, W]` apart in time. */
export function splitFilms(frames: Float32Array, count: number, options: FilmOptions): Films {
  const { inputFrames, outputFrames, size } = options;
  const pixels = size * size;
  const input = new Float32Array(count * inputFrames * pixels);
  const truth = new Float32Array(count * outputFrames * pixels);
  for (let n = 0; n < count; n++) {
    const start = n * (inputFrames + outputFrames) * pixels;
    const middle = start + inputFrames * pixels;
    input.set(frames.subarray(start, middle), n * inputFrames * pixels);
    truth.set(frames.subarray(middle, middle + outputFrames * pixels), n * outputFrames * pixels);
  }
  return { count, input, truth };
}

/** Films of digits of one source. */
export function filmSource(digits: DigitSource, options: FilmOptions): FilmSource {
  const { inputFrames, outputFrames, size, speed } = options;
  const spec: SequenceSpec = { size, digits: options.digits, frames: inputFrames + outputFrames, speed };
  return (count, generator) => splitFilms(drawBatch(digits, spec, count, generator).frames, count, options);
}

/** Independent random streams of one seed, so that more of one thing does not change another. */
export function streams(seed: number): { model: Generator; training: Generator; heldOut: Generator } {
  const of = (k: number): Generator => new Generator(seed * 4 + k);
  return { model: of(0), training: of(1), heldOut: of(2) };
}
