// How good a forecast is, frame by frame, and how good one can be without learning anything. Pure functions over
// plain arrays; frames are brightness 0 to 1, row by row.

import type { Place } from "./sequences.ts";

/**
 * Probabilities are moved into [2^-23, 1 − 2^-23] before the logarithm: the nearest to 1 that float32 tells apart from
 * it on both sides. A pixel that is certain and wrong costs about 16 nats, never infinity.
 */
export const PROBABILITY_FLOOR: number = 2 ** -23;

/** Pixels darker than this do not count for the centre of a frame: a faint haze would pull it to the middle. */
export const CENTRE_THRESHOLD = 0.2;

/** Binary cross-entropy of one frame, in nats. */
export interface CrossEntropy {
  /** Added up over the pixels, as in the ConvLSTM paper (Shi et al. 2015). */
  readonly sum: number;
  /** Mean over the pixels. */
  readonly mean: number;
}

/** Sizes of a block of frames `[N, T, 1, H, W]`. */
export interface FrameBlock {
  readonly sequences: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Means over all sequences of one forecast frame's scores. Lower is better for all of them. */
export interface FrameScores {
  /** Binary cross-entropy in nats, added up over a frame's pixels. */
  readonly crossEntropy: number;
  /** The same per pixel. */
  readonly crossEntropyPerPixel: number;
  /** Mean squared error per pixel. */
  readonly squaredError: number;
  /** Distance in pixels between the mass centres; undefined where no forecast of this frame has any ink. */
  readonly centreDistance: number | undefined;
  /** Sequences whose forecast is blank where the truth is not; these are left out of `centreDistance`. */
  readonly blank: number;
}

/**
 * −Σ [t log p + (1 − t) log(1 − p)] over the pixels of a frame.
 *
 * @param forecast probabilities, clamped as `PROBABILITY_FLOOR` says
 * @param truth brightness 0 to 1, same length
 */
export function crossEntropy(forecast: Float32Array, truth: Float32Array): CrossEntropy {
  checkLengths("crossEntropy", forecast, truth);
  let sum = 0;
  forecast.forEach((value, index) => {
    const p = Math.min(1 - PROBABILITY_FLOOR, Math.max(PROBABILITY_FLOOR, value));
    const t = truth[index] ?? 0;
    sum -= t * Math.log(p) + (1 - t) * Math.log1p(-p);
  });
  return { sum, mean: sum / forecast.length };
}

/** Mean squared difference per pixel of two frames of the same length. */
export function squaredError(forecast: Float32Array, truth: Float32Array): number {
  checkLengths("squaredError", forecast, truth);
  let sum = 0;
  forecast.forEach((value, index) => {
    sum += (value - (truth[index] ?? 0)) ** 2;
  });
  return sum / forecast.length;
}

/**
 * Mass centre of a frame, each pixel weighing as much as it is bright.
 *
 * @param frame `[height, width]`
 * @param width pixels in a row
 * @param threshold darker pixels are ignored
 * @returns the centre in pixels (0 is the middle of the first), or undefined for a frame without bright pixels
 */
export function massCentre(
  frame: Float32Array,
  width: number,
  threshold: number = CENTRE_THRESHOLD,
): Place | undefined {
  let mass = 0;
  let x = 0;
  let y = 0;
  frame.forEach((value, index) => {
    if (!(value >= threshold)) return;
    mass += value;
    x += value * (index % width);
    y += value * Math.floor(index / width);
  });
  return mass > 0 ? { x: x / mass, y: y / mass } : undefined;
}

/** Straight-line distance in pixels. */
export function distance(a: Place, b: Place): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/**
 * Scores a block of forecasts.
 *
 * @param forecast probabilities `[N, T, 1, H, W]`
 * @param truth brightness 0 to 1, same shape
 * @returns T scores, one per forecast frame
 * @throws RangeError if an array's length is not that of the block
 */
export function scoreForecast(forecast: Float32Array, truth: Float32Array, block: FrameBlock): FrameScores[] {
  const pixels = block.height * block.width;
  checkBlock("scoreForecast: forecast", forecast, block);
  checkBlock("scoreForecast: truth", truth, block);
  return Array.from({ length: block.frames }, (_, t) => {
    let entropy = 0;
    let squared = 0;
    let apart = 0;
    let seen = 0;
    let blank = 0;
    for (let n = 0; n < block.sequences; n++) {
      const start = (n * block.frames + t) * pixels;
      const ours = forecast.subarray(start, start + pixels);
      const real = truth.subarray(start, start + pixels);
      entropy += crossEntropy(ours, real).sum;
      squared += squaredError(ours, real);
      const to = massCentre(real, block.width);
      const from = massCentre(ours, block.width);
      if (to !== undefined && from === undefined) blank++;
      if (to !== undefined && from !== undefined) {
        apart += distance(from, to);
        seen++;
      }
    }
    return {
      crossEntropy: entropy / block.sequences,
      crossEntropyPerPixel: entropy / block.sequences / pixels,
      squaredError: squared / block.sequences,
      centreDistance: seen === 0 ? undefined : apart / seen,
      blank,
    };
  });
}

/**
 * Means over the forecast frames: what one number says of a whole forecast. `crossEntropy` stays per frame;
 * times T it is the paper's sum per sequence. `blank` is added up.
 */
export function meanScores(scores: readonly FrameScores[]): FrameScores {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const distances = scores.flatMap((s) => (s.centreDistance === undefined ? [] : [s.centreDistance]));
  return {
    crossEntropy: mean(scores.map((s) => s.crossEntropy)),
    crossEntropyPerPixel: mean(scores.map((s) => s.crossEntropyPerPixel)),
    squaredError: mean(scores.map((s) => s.squaredError)),
    centreDistance: distances.length === 0 ? undefined : mean(distances),
    blank: scores.reduce((sum, s) => sum + s.blank, 0),
  };
}

/**
 * Baseline: nothing moves any more.
 *
 * @param input the frames a forecaster sees, `[N, Tin, 1, H, W]`, described by `block`
 * @param frames T, frames to forecast
 * @returns each sequence's last input frame T times, `[N, T, 1, H, W]`
 */
export function repeatLastFrame(input: Float32Array, block: FrameBlock, frames: number): Float32Array {
  checkBlock("repeatLastFrame: input", input, block);
  const pixels = block.height * block.width;
  return forEachSequence(block, frames, (n) => {
    const end = (n + 1) * block.frames * pixels;
    return input.subarray(end - pixels, end);
  });
}

/**
 * Baseline: a digit is, blurred, wherever it has been.
 *
 * @param input the frames a forecaster sees, `[N, Tin, 1, H, W]`, described by `block`
 * @param frames T, frames to forecast
 * @returns the mean of each sequence's input frames T times, `[N, T, 1, H, W]`
 */
export function repeatMeanInput(input: Float32Array, block: FrameBlock, frames: number): Float32Array {
  checkBlock("repeatMeanInput: input", input, block);
  const length = block.frames * block.height * block.width;
  return forEachSequence(block, frames, (n) =>
    meanFrame(input.subarray(n * length, (n + 1) * length), block.height * block.width),
  );
}

/**
 * Baseline: the best that is possible without looking at the input.
 *
 * @param frame one frame, say `meanFrame` of the training frames, `[H, W]`
 * @param sequences N
 * @param frames T
 * @returns the frame everywhere, `[N, T, 1, H, W]`
 */
export function repeatFrame(frame: Float32Array, sequences: number, frames: number): Float32Array {
  const out = new Float32Array(sequences * frames * frame.length);
  for (let start = 0; start < out.length; start += frame.length) out.set(frame, start);
  return out;
}

/**
 * Mean of any number of frames, pixel by pixel.
 *
 * @param frames frames one after the other, `[…, H, W]`
 * @param pixels H · W
 * @throws RangeError unless `frames` holds a whole number of frames, at least one
 */
export function meanFrame(frames: Float32Array, pixels: number): Float32Array {
  const count = frames.length / pixels;
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`meanFrame: ${frames.length} values are no whole number of frames of ${pixels} pixels`);
  }
  // Added up in float64: thousands of frames in float32 would lose digits.
  const sums = new Float64Array(pixels);
  frames.forEach((value, index) => {
    sums[index % pixels] = (sums[index % pixels] ?? 0) + value;
  });
  return Float32Array.from(sums, (sum) => sum / count);
}

function forEachSequence(block: FrameBlock, frames: number, frame: (n: number) => Float32Array): Float32Array {
  const length = frames * block.height * block.width;
  const out = new Float32Array(block.sequences * length);
  for (let n = 0; n < block.sequences; n++) out.set(repeatFrame(frame(n), 1, frames), n * length);
  return out;
}

function checkLengths(who: string, forecast: Float32Array, truth: Float32Array): void {
  if (forecast.length !== truth.length || forecast.length === 0) {
    throw new RangeError(`${who}: forecast has ${forecast.length} pixels but truth has ${truth.length}`);
  }
}

function checkBlock(who: string, values: Float32Array, block: FrameBlock): void {
  const { sequences, frames, height, width } = block;
  const expected = sequences * frames * height * width;
  if (values.length !== expected || expected === 0) {
    throw new RangeError(
      `${who} has ${values.length} values but [N,T,1,H,W] = [${sequences},${frames},1,${height},${width}] has ${expected}`,
    );
  }
}
