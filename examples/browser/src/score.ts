// What a forecast of the page's film is worth, next to what anyone can do: copy the last frame.

import type { Films } from "@squall/example-moving-digits/films";
import { type FrameScores, meanScores, repeatLastFrame, scoreForecast } from "@squall/example-moving-digits/metrics";
import type { Options } from "@squall/example-moving-digits/presets";

/** The last frame that was seen, as the forecast of every frame: `[N, Tout, 1, H, W]`. */
export function copyLastFrame({ input, count }: Films, { inputFrames, outputFrames, size }: Options): Float32Array {
  return repeatLastFrame(input, { sequences: count, frames: inputFrames, height: size, width: size }, outputFrames);
}

/** Means of a forecast's scores over its frames. */
export function scoreOf(forecast: Float32Array, { truth, count }: Films, { outputFrames, size }: Options): FrameScores {
  return meanScores(
    scoreForecast(forecast, truth, { sequences: count, frames: outputFrames, height: size, width: size }),
  );
}

/** Says in a sentence how two errors compare. */
export function comparison(ours: number, copying: number): string {
  if (!Number.isFinite(ours)) return "The forecast is no number: the training went astray.";
  if (ours === 0) return "The forecast is what happens, exactly.";
  const ratio = copying / ours;
  if (ratio >= 1.05)
    return `The squared error is ${ratio.toFixed(1)} times smaller than that of copying the last frame.`;
  if (ratio > 0.95) return "The squared error is about that of copying the last frame.";
  return "Copying the last frame would be better.";
}
