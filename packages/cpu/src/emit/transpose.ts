import type { Code, Local } from "../assembler/code.ts";
import type { Module } from "../assembler/module.ts";

const floatBytes = 4;
const vectorBytes = 16;

/** Transposes four vectors in place, by way of four others. */
export function transpose4(code: Code, v: readonly Local[], spare: readonly Local[]): void {
  const pair = (a: Local, b: Local, lanes: readonly [number, number, number, number], to: Local): void => {
    code.get(a).get(b).shuffle(lanes).set(to);
  };
  pair(v[0], v[1], [0, 4, 1, 5], spare[0]);
  pair(v[0], v[1], [2, 6, 3, 7], spare[1]);
  pair(v[2], v[3], [0, 4, 1, 5], spare[2]);
  pair(v[2], v[3], [2, 6, 3, 7], spare[3]);
  pair(spare[0], spare[2], [0, 1, 4, 5], v[0]);
  pair(spare[0], spare[2], [2, 3, 6, 7], v[1]);
  pair(spare[1], spare[3], [0, 1, 4, 5], v[2]);
  pair(spare[1], spare[3], [2, 3, 6, 7], v[3]);
}

/** A row of pixels: `channels` planes on one side, pixels with their channels side by side on the other. */
export interface PixelRow {
  /** Channels. */
  readonly channels: number;
  /** Pixels. */
  readonly width: number;
  /** Bytes from a channel's plane to the next. */
  readonly plane: number;
  /** Bytes from a pixel to the next on the other side. */
  readonly pixel: number;
  /** Bytes from a pixel to the next within a plane. Default 4, a float. */
  readonly step?: number;
}

/** Calls `block` for every 4x4 block of channels and pixels, with both addresses moved there. Blocks at the ends are smaller. */
function forEachBlock(
  code: Code,
  { channels, width, plane, pixel, step = floatBytes }: PixelRow,
  planes: Local,
  pixels: Local,
  block: (pixels: number, channels: number) => void,
  nextChannels: () => void = () => {},
): void {
  const strip = (count: number): void => {
    const [whole, rest] = [Math.floor(width / 4), width % 4];
    code.repeat(whole, () => {
      block(4, count);
      code.advance(planes, 4 * step).advance(pixels, 4 * pixel);
    });
    if (rest > 0) block(rest, count);
    code.advance(planes, -whole * 4 * step).advance(pixels, -whole * 4 * pixel);
  };
  code.repeat(Math.floor(channels / 4), () => {
    strip(4);
    code.advance(planes, 4 * plane).advance(pixels, vectorBytes);
    nextChannels();
  });
  if (channels % 4 > 0) strip(channels % 4);
}

/**
 * Adds a function `(planes, pixels)` that gathers a row of planes, which lies close together, into pixels. It may read up to three floats past the row's end.
 * @returns the function's number
 */
export function addGatherRow(module: Module, name: string, row: PixelRow): number {
  return module.add(name, 2, (code) => {
    const [planes, pixels] = [code.parameter(0), code.parameter(1)];
    const vectors = code.localList("v128", 4);
    const spare = code.localList("v128", 4);
    forEachBlock(code, row, planes, pixels, (width, channels) => {
      for (let q = 0; q < channels; q++) code.load(planes, q * row.plane).set(vectors[q]);
      transpose4(code, vectors, spare);
      for (let p = 0; p < width; p++) {
        if (channels === 4) code.store(pixels, p * row.pixel, vectors[p]);
        else for (let q = 0; q < channels; q++) code.storeLane(pixels, p * row.pixel + q * floatBytes, vectors[p], q);
      }
    });
  });
}

/**
 * Adds a function `(pixels, planes, bias)` that spreads a row of pixels to planes, adding one bias per channel. Reads whole vectors of
 * channels, and up to three pixels past the row's end.
 * @returns the function's number
 */
export function addSpreadRow(module: Module, name: string, row: PixelRow): number {
  const { step = floatBytes } = row;
  return module.add(name, 3, (code) => {
    const [pixels, planes, bias] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    const vectors = code.localList("v128", 4);
    const spare = code.localList("v128", 4);
    const block = (width: number, channels: number): void => {
      for (let p = 0; p < 4; p++) code.load(pixels, p * row.pixel).set(vectors[p]);
      transpose4(code, vectors, spare);
      for (let q = 0; q < channels; q++) {
        code
          .get(vectors[q])
          .loadSplat(bias, q * floatBytes)
          .op("f32x4.add")
          .set(vectors[q]);
        if (width === 4 && step === floatBytes) code.store(planes, q * row.plane, vectors[q]);
        else for (let p = 0; p < width; p++) code.storeLane(planes, q * row.plane + p * step, vectors[q], p);
      }
    };
    forEachBlock(code, row, planes, pixels, block, () => code.advance(bias, vectorBytes));
  });
}
