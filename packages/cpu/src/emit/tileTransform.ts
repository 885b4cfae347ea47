import type { Module } from "../assembler/module.ts";
import type { Frame } from "./frame.ts";
import { addLinearMap, type Coefficients, neighbours } from "./linearMap.ts";

/** The transform of a row of Winograd tiles that lie in a frame. */
export interface TileTransform {
  /** What is read; a multiple of four channels. */
  readonly frame: Frame;
  /** `[points, n]`: applied along both axes of tiles of n x n pixels. */
  readonly matrix: Coefficients;
  /** Tiles side by side. */
  readonly across: number;
  /** Pixels from a tile to the next. */
  readonly step: number;
  /** Bytes from a tile of results at one point, its channels, to the next. */
  readonly tile: number;
  /** Bytes from a point's plane of results, `[tiles, channels]`, to the next point's. */
  readonly plane: number;
  /** Multiply and add in one rounding. */
  readonly fused: boolean;
}

function reachOf({ across, step, matrix }: Omit<TileTransform, "tile" | "plane">): number {
  return across * step + matrix[0].length - step;
}

/** Bytes of scratch that a row of tiles needs. */
export function tileRowScratch(transform: Omit<TileTransform, "tile" | "plane">): number {
  return transform.matrix.length * reachOf(transform) * transform.frame.pixel;
}

/**
 * Adds a function `(input, points, scratch)` that transforms one row of tiles from its first pixel on. Columns are transformed once for
 * all tiles that they belong to.
 * @returns the function's number
 */
export function addTileTransform(module: Module, name: string, transform: TileTransform): number {
  const { frame, matrix, across, step, plane, fused } = transform;
  const reach = reachOf(transform);
  const vectors = frame.channels / 4;
  const down = addLinearMap(module, `${name}.down`, {
    matrix,
    inStride: frame.row,
    outStride: reach * frame.pixel,
    loops: [neighbours(reach * vectors)],
    fused,
  });
  const along = addLinearMap(module, `${name}.along`, {
    matrix,
    inStride: frame.pixel,
    outStride: plane,
    loops: [
      { count: matrix.length, inStep: reach * frame.pixel, outStep: matrix.length * plane },
      { count: across, inStep: step * frame.pixel, outStep: transform.tile },
      neighbours(vectors),
    ],
    fused,
  });
  return module.add(name, 3, (code) => {
    const [input, points, scratch] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    code.get(input).get(scratch).call(down);
    code.get(scratch).get(points).call(along);
  });
}

/** An odd number of cache lines: so many bytes apart, the points of a tile do not fall on the same lines of the cache. */
export function planeBytes(bytes: number): number {
  const lines = Math.ceil(bytes / 64);
  return 64 * (lines % 2 === 0 ? lines + 1 : lines);
}
