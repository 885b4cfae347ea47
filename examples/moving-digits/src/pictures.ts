// The pictures of a forecast: a filmstrip as PNG and a moving one as GIF.

import { encode } from "fast-png";
import { GifWriter } from "omggif";
import { type FrameSize, PALETTE, paintGrid, type Raster, type Tone, type ToneFrame } from "./raster.ts";

/** One sequence and what was forecast of it. */
export interface ForecastFilm {
  /** Frames the forecaster saw, `[Tin, 1, H, W]`. */
  readonly input: Float32Array;
  /** What came next, `[Tout, 1, H, W]`. */
  readonly truth: Float32Array;
  /** What was forecast, `[Tout, 1, H, W]`. */
  readonly forecast: Float32Array;
}

/** A row of a filmstrip. An undefined frame leaves its place empty. */
export type FilmRow = readonly (ToneFrame | undefined)[];

const GAP_PIXELS = 2;
/** Frames are enlarged to about this many pixels. */
const STRIP_FRAME = 72;
const GIF_FRAME = 128;

/**
 * Draws rows of frames as a PNG, enlarged by a whole factor, with thin separators.
 *
 * @param rows rows from top to bottom, see `filmRows`
 * @param size height and width of every frame
 * @param scale picture pixels per frame pixel; chosen from the size by default
 * @returns the bytes of a PNG file
 * @throws RangeError for a frame of another size or no frames at all
 */
export function filmstrip(
  rows: readonly FilmRow[],
  size: FrameSize,
  scale: number = fitScale(size, STRIP_FRAME),
): Uint8Array {
  const raster = paintGrid(rows, size, scale, GAP_PIXELS);
  const palette = PALETTE.map((colour) => [...colour]);
  return encode({ width: raster.width, height: raster.height, data: raster.pixels, depth: 8, channels: 1, palette });
}

/**
 * The two rows of a film: input followed by the truth, and below it, under the truth, the forecast.
 *
 * @throws RangeError if truth and forecast differ in length or a film is no whole number of frames
 */
export function filmRows(film: ForecastFilm, size: FrameSize): FilmRow[] {
  checkFilm(film, size);
  const input = toned(film.input, size, "input");
  return [
    [...input, ...toned(film.truth, size, "truth")],
    [...input.map(() => undefined), ...toned(film.forecast, size, "forecast")],
  ];
}

/** How to play a film. */
export interface GifOptions {
  /** Picture pixels per frame pixel; chosen from the size by default. */
  readonly scale?: number;
  /** Default 5; a GIF counts in hundredths of a second, so the real speed is the nearest it can say. */
  readonly framesPerSecond?: number;
}

/**
 * Draws films side by side as a looping GIF: truth above, forecast below. While the input runs both rows show it, the
 * lower one in blue; then the lower row turns amber and shows the forecast.
 *
 * @param films films of the same lengths, at least one
 * @param size height and width of every frame
 * @returns the bytes of a GIF file
 * @throws RangeError if there is no film or their lengths differ
 */
export function forecastGif(films: readonly ForecastFilm[], size: FrameSize, options: GifOptions = {}): Uint8Array {
  const first = films[0];
  if (first === undefined) throw new RangeError("forecastGif: there is no film to draw");
  const scale = options.scale ?? fitScale(size, GIF_FRAME);
  const columns = films.map((film) => {
    checkFilm(film, size);
    if (film.input.length !== first.input.length || film.truth.length !== first.truth.length) {
      throw new RangeError("forecastGif: all films must have the same number of input and forecast frames");
    }
    const input = toned(film.input, size, "truth");
    return {
      above: [...input, ...toned(film.truth, size, "truth")],
      below: [...toned(film.input, size, "input"), ...toned(film.forecast, size, "forecast")],
    };
  });
  const frames = (first.input.length + first.truth.length) / (size.height * size.width);
  const rasters = Array.from({ length: frames }, (_, t) =>
    paintGrid([columns.map((film) => film.above[t]), columns.map((film) => film.below[t])], size, scale, GAP_PIXELS),
  );
  return writeGif(rasters, Math.round(100 / (options.framesPerSecond ?? 5)));
}

/** A picture as text that HTML can hold: `data:image/png;base64,…`. */
export function dataUri(bytes: Uint8Array, type: "image/png" | "image/gif"): string {
  return `data:${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}`;
}

function writeGif(rasters: readonly Raster[], delay: number): Uint8Array {
  const { width = 0, height = 0 } = rasters[0] ?? {};
  // The writer does not grow its buffer. At worst each pixel costs a 12-bit code, plus a length byte per 255.
  const buffer = new Uint8Array(4096 + rasters.length * (1024 + 2 * width * height));
  const palette = PALETTE.map(([red, green, blue]) => (red << 16) | (green << 8) | blue);
  const gif = new GifWriter(buffer, width, height, { palette, loop: 0 });
  rasters.forEach((raster, index) => {
    // The last frame stays longer, so that the eye sees where a loop ends.
    const stay = index === rasters.length - 1 ? 3 * delay : delay;
    gif.addFrame(0, 0, width, height, Array.from(raster.pixels), { delay: stay });
  });
  return buffer.slice(0, gif.end());
}

function toned(frames: Float32Array, size: FrameSize, tone: Tone): ToneFrame[] {
  const pixels = size.height * size.width;
  return Array.from({ length: frames.length / pixels }, (_, t) => ({
    frame: frames.subarray(t * pixels, (t + 1) * pixels),
    tone,
  }));
}

function checkFilm(film: ForecastFilm, size: FrameSize): void {
  const pixels = size.height * size.width;
  if (film.truth.length !== film.forecast.length) {
    throw new RangeError(`film: truth has ${film.truth.length} values but forecast has ${film.forecast.length}`);
  }
  for (const [name, frames] of [
    ["input", film.input],
    ["truth", film.truth],
  ] as const) {
    if (frames.length === 0 || frames.length % pixels !== 0) {
      throw new RangeError(
        `film: ${name} has ${frames.length} values, which is no whole number of ${size.height} x ${size.width} frames`,
      );
    }
  }
}

/** The whole factor that brings the larger side nearest to, but not above, `target` pixels; at least 1. */
function fitScale(size: FrameSize, target: number): number {
  return Math.max(1, Math.floor(target / Math.max(size.height, size.width)));
}
