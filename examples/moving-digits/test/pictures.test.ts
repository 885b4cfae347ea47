import fc from "fast-check";
import { decode } from "fast-png";
import { GifReader } from "omggif";
import { describe, expect, test } from "vitest";
import { dataUri, filmRows, filmstrip, forecastGif } from "../src/pictures.ts";
import { GAP, PALETTE, paintGrid } from "../src/raster.ts";

const size = { height: 4, width: 6 };
const pixels = 24;
const constant = (value: number, frames: number): Float32Array => new Float32Array(frames * pixels).fill(value);
const film = { input: constant(1, 2), truth: constant(1, 3), forecast: constant(1, 3) };

function colourAt(rgba: Uint8Array, width: number, x: number, y: number): number[] {
  return [...rgba.subarray(4 * (y * width + x), 4 * (y * width + x) + 3)];
}

const WHITE = [255, 255, 255];
const BLUE = [140, 196, 255];
const AMBER = [255, 206, 120];

describe("paintGrid", () => {
  test("enlarges by a whole factor and leaves gaps", () => {
    const cell = { frame: Float32Array.of(0, 1), tone: "truth" as const };
    const { width, height, pixels: painted } = paintGrid([[cell, undefined]], { height: 1, width: 2 }, 2, 1);
    expect([width, height]).toEqual([11, 4]);
    const row = [GAP, 0, 0, 63, 63, GAP, GAP, GAP, GAP, GAP, GAP];
    expect([...painted]).toEqual([...new Array(11).fill(GAP), ...row, ...row, ...new Array(11).fill(GAP)]);
  });

  test("paints any number, brighter for more", () => {
    const any = fc.float({ min: -2, max: 2 });
    const paint = (value: number): number => {
      const cell = { frame: Float32Array.of(value), tone: "forecast" as const };
      return paintGrid([[cell]], { height: 1, width: 1 }, 1, 0).pixels[0] ?? -1;
    };
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(paint(a)).toBeGreaterThanOrEqual(128);
        expect(paint(a)).toBeLessThan(192);
        if (a <= b) expect(paint(a)).toBeLessThanOrEqual(paint(b));
      }),
    );
    expect(paint(Number.NaN)).toBe(128);
  });

  test("refuses other sizes and empty grids", () => {
    const cell = { frame: new Float32Array(3), tone: "truth" as const };
    expect(() => paintGrid([[cell]], size, 1, 0)).toThrow("a frame has 3 pixels, expected 4 x 6 = 24");
    expect(() => paintGrid([[]], size, 1, 0)).toThrow("there is no frame to paint");
    expect(() => paintGrid([[undefined]], size, 1.5, 0)).toThrow("scale must be a whole number");
  });

  test("has a palette of 256 colours", () => {
    expect(PALETTE).toHaveLength(256);
    expect(PALETTE.flat().every((v) => Number.isInteger(v) && v >= 0 && v <= 255)).toBe(true);
  });
});

describe("filmstrip", () => {
  test("is a PNG with input and truth above and the forecast below the truth", () => {
    const png = decode(filmstrip(filmRows(film, size), size, 3));
    const [stepX, stepY] = [6 * 3 + 2, 4 * 3 + 2];
    expect([png.width, png.height]).toEqual([5 * stepX + 2, 2 * stepY + 2]);
    const colour = (column: number, row: number) => {
      const index = png.data[(2 + row * stepY) * png.width + 2 + column * stepX] ?? 0;
      return png.palette?.[index];
    };
    expect([0, 1, 2, 4].map((c) => colour(c, 0))).toEqual([BLUE, BLUE, WHITE, WHITE]);
    expect([0, 1, 2, 4].map((c) => colour(c, 1))).toEqual([PALETTE[GAP], PALETTE[GAP], AMBER, AMBER]);
  });

  test("chooses a comfortable scale by itself", () => {
    expect(decode(filmstrip(filmRows(film, size), size)).width).toBe(5 * (6 * 12 + 2) + 2);
    const large = { height: 200, width: 200 };
    const row = [{ frame: new Float32Array(40000), tone: "truth" as const }];
    expect(decode(filmstrip([row], large)).width).toBe(204);
  });
});

describe("forecastGif", () => {
  test("loops over input and forecast, truth above and forecast below", () => {
    const bytes = forecastGif([film, film], size, { scale: 2, framesPerSecond: 4 });
    const gif = new GifReader(bytes);
    expect([gif.width, gif.height]).toEqual([2 * 14 + 2, 2 * 10 + 2]);
    expect([gif.numFrames(), gif.loopCount()]).toEqual([5, 0]);
    expect([0, 3, 4].map((t) => gif.frameInfo(t).delay)).toEqual([25, 25, 75]);
    const seen = [0, 1, 2, 4].map((t) => {
      const rgba = new Uint8Array(gif.width * gif.height * 4);
      gif.decodeAndBlitFrameRGBA(t, rgba);
      return [colourAt(rgba, gif.width, 16, 2), colourAt(rgba, gif.width, 16, 12)];
    });
    expect(seen).toEqual([
      [WHITE, BLUE],
      [WHITE, BLUE],
      [WHITE, AMBER],
      [WHITE, AMBER],
    ]);
  });

  test("is whole even for pictures that cannot be compressed", () => {
    let state = 1;
    const noise = Float32Array.from({ length: 3 * 64 * 64 }, () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    });
    const square = { height: 64, width: 64 };
    const bytes = forecastGif([{ input: noise, truth: noise, forecast: noise }], square, { scale: 1 });
    const gif = new GifReader(bytes);
    expect(gif.numFrames()).toBe(6);
    const rgba = new Uint8Array(gif.width * gif.height * 4);
    gif.decodeAndBlitFrameRGBA(5, rgba);
    const expected = PALETTE[128 + Math.round((noise[2 * 4096] ?? 0) * 63)];
    expect(colourAt(rgba, gif.width, 2, 68)).toEqual(expected);
    expect(bytes.at(-1)).toBe(0x3b);
  });

  test("is the same bytes each time", () => {
    expect(forecastGif([film], size)).toEqual(forecastGif([film], size));
  });

  test("refuses films that do not fit together", () => {
    expect(() => forecastGif([], size)).toThrow("there is no film");
    expect(() => forecastGif([film, { ...film, input: constant(1, 1) }], size)).toThrow("the same number of input");
    expect(() => filmRows({ ...film, forecast: constant(1, 2) }, size)).toThrow(
      "truth has 72 values but forecast has 48",
    );
    expect(() => filmRows({ ...film, input: new Float32Array(25) }, size)).toThrow(
      "film: input has 25 values, which is no whole number of 4 x 6 frames",
    );
  });
});

test("dataUri gives the bytes back", () => {
  const bytes = new Uint8Array([0, 1, 2, 250, 251, 252]).subarray(1, 5);
  const uri = dataUri(bytes, "image/png");
  expect(uri.startsWith("data:image/png;base64,")).toBe(true);
  expect([...Buffer.from(uri.split(",")[1] ?? "", "base64")]).toEqual([1, 2, 250, 251]);
});
