// A picture in indexed colour: one byte per pixel into a fixed palette. Both files the example draws, PNG and GIF, can
// hold it as it is, so nothing is ever quantized and a picture is the same bytes each time.

/** How a frame is coloured: measured frames in plain grey, input shown to a forecaster in blue, its forecast in amber. */
export type Tone = "truth" | "input" | "forecast";

/** Shades per tone. */
const LEVELS = 64;

/** Colour at full brightness and, never quite black, at none, as red, green, blue 0 to 255. */
const TONES: Readonly<Record<Tone, { readonly dark: readonly number[]; readonly bright: readonly number[] }>> = {
  truth: { dark: [14, 16, 20], bright: [255, 255, 255] },
  input: { dark: [12, 22, 42], bright: [140, 196, 255] },
  forecast: { dark: [40, 24, 8], bright: [255, 206, 120] },
};

const TONE_ORDER: readonly Tone[] = ["truth", "input", "forecast"];

/** Palette entry of the space between frames. */
export const GAP: number = TONE_ORDER.length * LEVELS;

/** 256 colours as [red, green, blue], 0 to 255; the entries after `GAP` are unused. */
export const PALETTE: readonly (readonly [number, number, number])[] = Array.from({ length: 256 }, (_, index) => {
  const tone = TONE_ORDER[Math.floor(index / LEVELS)];
  if (tone === undefined) return [58, 64, 76];
  const part = (index % LEVELS) / (LEVELS - 1);
  const { dark, bright } = TONES[tone];
  const channel = (i: number): number => Math.round((dark[i] ?? 0) + part * ((bright[i] ?? 0) - (dark[i] ?? 0)));
  return [channel(0), channel(1), channel(2)];
});

/** A picture of palette entries. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** Palette entries row by row, `[height, width]`. */
  readonly pixels: Uint8Array;
}

/** A frame to paint: `[H, W]` brightness, clamped to 0 … 1, and its tone. */
export interface ToneFrame {
  readonly frame: Float32Array;
  readonly tone: Tone;
}

/** Height and width of every frame in pixels. */
export interface FrameSize {
  readonly height: number;
  readonly width: number;
}

/**
 * Paints frames in a grid with a thin gap around each.
 *
 * @param rows rows of frames from top to bottom; undefined leaves a place empty
 * @param size height and width of every frame
 * @param scale whole number of picture pixels per frame pixel
 * @param gap pixels between frames and around the grid
 * @throws RangeError if a frame has another size, or there is none at all
 */
export function paintGrid(
  rows: readonly (readonly (ToneFrame | undefined)[])[],
  size: FrameSize,
  scale: number,
  gap: number,
): Raster {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  if (columns === 0) throw new RangeError("paintGrid: there is no frame to paint");
  if (!Number.isInteger(scale) || scale < 1) {
    throw new RangeError(`paintGrid: scale must be a whole number of at least 1, got ${scale}`);
  }
  const stepX = size.width * scale + gap;
  const stepY = size.height * scale + gap;
  const width = columns * stepX + gap;
  const height = rows.length * stepY + gap;
  const pixels = new Uint8Array(width * height).fill(GAP);
  rows.forEach((row, r) => {
    row.forEach((cell, c) => {
      if (cell !== undefined)
        paintFrame(cell, size, scale, { width, height, pixels }, gap + c * stepX, gap + r * stepY);
    });
  });
  return { width, height, pixels };
}

function paintFrame(cell: ToneFrame, size: FrameSize, scale: number, into: Raster, left: number, top: number): void {
  if (cell.frame.length !== size.height * size.width) {
    throw new RangeError(
      `paintGrid: a frame has ${cell.frame.length} pixels, expected ${size.height} x ${size.width} = ${size.height * size.width}`,
    );
  }
  const base = TONE_ORDER.indexOf(cell.tone) * LEVELS;
  for (let y = 0; y < size.height * scale; y++) {
    for (let x = 0; x < size.width * scale; x++) {
      const value = cell.frame[Math.floor(y / scale) * size.width + Math.floor(x / scale)] ?? 0;
      // Written so that a NaN, which a diverged model forecasts, is painted dark.
      const level = value > 0 ? Math.round(Math.min(1, value) * (LEVELS - 1)) : 0;
      into.pixels[(top + y) * into.width + left + x] = base + level;
    }
  }
}
