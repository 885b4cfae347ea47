// What a picture of one digit is and where such pictures come from. The two sources are `glyphs.ts`, which draws
// digits, and `mnist.ts`, which reads handwritten ones.

import type { RandomSource } from "./random.ts";

/** One square greyscale picture of a digit. */
export interface Digit {
  /** Width and height in pixels. */
  readonly size: number;
  /** Brightness, row by row, 0 (background) to 1 (ink), `[size, size]`. */
  readonly pixels: Float32Array;
}

/** A supply of digits, all of one size. */
export interface DigitSource {
  /** Width and height in pixels of every digit drawn. */
  readonly size: number;
  /** The next digit; everything random about it comes from `random`. */
  draw(random: RandomSource): Digit;
}
