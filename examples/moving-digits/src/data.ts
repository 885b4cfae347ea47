// Where the films come from: a source of digits to train on, others to be tested with, and the films themselves.

import { Generator } from "@squall/tensor";
import type { DigitSource } from "./digits.ts";
import { glyphSource } from "./glyphs.ts";
import { mnistSource, readDigitImages, sliceImages } from "./mnist.ts";
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

/** Films to train on and films never trained on. */
export interface Data {
  readonly training: FilmSource;
  /** With MNIST, of digits that the training films do not show; drawn digits are new each time anyway. */
  readonly heldOut: FilmSource;
}

/** One in so many MNIST digits is kept for the held-out films. */
const HELD_OUT_PART = 10;

async function digitSources({ mnist, digitSize }: Options): Promise<[training: DigitSource, heldOut: DigitSource]> {
  if (mnist === undefined) return [glyphSource(digitSize), glyphSource(digitSize)];
  const images = await readDigitImages(mnist);
  const border = images.count - Math.max(1, Math.floor(images.count / HELD_OUT_PART));
  return [
    mnistSource(sliceImages(images, 0, border), digitSize),
    mnistSource(sliceImages(images, border, images.count), digitSize),
  ];
}

/** Takes films apart in time. */
function filmSource(digits: DigitSource, options: Options): FilmSource {
  const { inputFrames, outputFrames, size, speed } = options;
  const spec: SequenceSpec = { size, digits: options.digits, frames: inputFrames + outputFrames, speed };
  const pixels = size * size;
  return (count, generator) => {
    const { frames } = drawBatch(digits, spec, count, generator);
    const input = new Float32Array(count * inputFrames * pixels);
    const truth = new Float32Array(count * outputFrames * pixels);
    for (let n = 0; n < count; n++) {
      const start = n * spec.frames * pixels;
      const middle = start + inputFrames * pixels;
      input.set(frames.subarray(start, middle), n * inputFrames * pixels);
      truth.set(frames.subarray(middle, middle + outputFrames * pixels), n * outputFrames * pixels);
    }
    return { count, input, truth };
  };
}

/**
 * Opens the data of a run.
 *
 * @throws IdxError if the MNIST file is not one
 */
export async function openData(options: Options): Promise<Data> {
  const [training, heldOut] = await digitSources(options);
  return { training: filmSource(training, options), heldOut: filmSource(heldOut, options) };
}

/** Independent random streams of one seed, so that more of one thing does not change another. */
export function streams(seed: number): { model: Generator; training: Generator; heldOut: Generator } {
  const of = (k: number): Generator => new Generator(seed * 4 + k);
  return { model: of(0), training: of(1), heldOut: of(2) };
}
