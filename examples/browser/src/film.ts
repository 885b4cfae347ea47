// The film that the page shows: a generated one, or one of what the visitor drew.

import type { DigitSource } from "@squall/example-moving-digits/digits";
import { type Films, filmSource, splitFilms } from "@squall/example-moving-digits/films";
import { drawStrokes, glyphSource, type Stroke } from "@squall/example-moving-digits/glyphs";
import type { Options } from "@squall/example-moving-digits/presets";
import { drawFlights } from "@squall/example-moving-digits/sequences";
import { Generator } from "@squall/tensor";

/** How something flies. */
export interface Motion {
  /** Direction in degrees: 0 is to the right, 90 up, as on paper. */
  readonly direction: number;
  /** Pixels per frame. */
  readonly speed: number;
}

/** A film of generated digits, the same for the same seed. */
export function generatedFilm(options: Options, seed: number, source?: DigitSource): Films {
  return filmSource(source ?? glyphSource(options.digitSize), options)(1, new Generator(seed));
}

/** Frames of what was drawn, which flies through the middle of the frame half way through the frames that a forecaster sees. */
export function drawnFilm(options: Options, strokes: readonly Stroke[], { direction, speed }: Motion): Films {
  const { size, digitSize, inputFrames, outputFrames } = options;
  const angle = (direction * Math.PI) / 180;
  // Down is positive in pictures.
  const velocity = { x: speed * Math.cos(angle), y: -speed * Math.sin(angle) };
  const middle = (size - digitSize) / 2;
  const before = (inputFrames - 1) / 2;
  const start = { x: middle - before * velocity.x, y: middle - before * velocity.y };
  const digit = drawStrokes(strokes, digitSize);
  const { frames } = drawFlights([{ digit, start, velocity }], { size, frames: inputFrames + outputFrames });
  return splitFilms(frames, 1, options);
}
