// Where the films of a run come from: a source of digits to train on, and others to be tested with.

import type { DigitSource } from "./digits.ts";
import { type FilmSource, filmSource } from "./films.ts";
import { glyphSource } from "./glyphs.ts";
import { mnistSource, readDigitImages, sliceImages } from "./mnist.ts";
import type { Options } from "./presets.ts";

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

/**
 * Opens the data of a run.
 *
 * @throws IdxError if the MNIST file is not one
 */
export async function openData(options: Options): Promise<Data> {
  const [training, heldOut] = await digitSources(options);
  return { training: filmSource(training, options), heldOut: filmSource(heldOut, options) };
}
