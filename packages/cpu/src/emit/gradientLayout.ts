import type { Triple } from "./bandConv.ts";
import type { Frame } from "./frame.ts";
import { planeBytes, tileRowScratch } from "./tileTransform.ts";
import { transposed, winogradTile } from "./winograd.ts";

/** A weight gradient `[O, C/groups, …k]` summed over frames of inputs and of output gradients. */
export interface GradientShape {
  /** Frames of the input, zeros included. */
  readonly input: Frame;
  /** Channels of the input frame before the first one that is used. */
  readonly channel: number;
  /** Input channels of a group. */
  readonly inputs: number;
  /** Frames of the output gradient. */
  readonly output: Frame;
  /** Output channels of a group. */
  readonly outputs: number;
  /** Groups. */
  readonly groups: number;
  /** Taps along each axis. */
  readonly kernel: Triple;
  /** Step between outputs along each axis. */
  readonly stride: Triple;
  /** Step between taps along each axis. */
  readonly dilation: Triple;
  /** Output positions along each axis. */
  readonly size: Triple;
  /** Outputs per axis of a Winograd tile, or `undefined` for the direct sum. */
  readonly winograd: number | undefined;
  /** Frames between two barriers. */
  readonly frames: number;
  /** Vectors of four floats per panel of columns: 2 or 4. */
  readonly vectors: number;
  /** Multiply and add in one rounding. */
  readonly fused: boolean;
}

/** Tasks that the last transform is done in. */
export const finishParts = 4;

/** Where the sums lie and how the work is cut. */
export interface GradientLayout {
  /** Runs of columns: `[groups, kD, kH, kW or 1]` matrices (direct), or the points of a tile (Winograd). */
  readonly matrices: number;
  /** Columns of each: input channels, for all taps of a row where they are neighbours. */
  readonly columns: number;
  /** Columns with those that fill the last panel. */
  readonly allColumns: number;
  /** Whether neighbouring taps of a row are columns of one matrix. */
  readonly merged: boolean;
  /** Bytes from a matrix to the next. */
  readonly matrix: number;
  /** Blocks of rows (output channels) of a matrix. */
  readonly blocks: number;
  /** Bytes of all sums. */
  readonly bytes: number;
  /** Bytes of the result of `finish`: `[taps, O, allColumns]`. Zero for the direct sum, whose sums are the result. */
  readonly finished: number;
  /** Rows of tiles of a frame. */
  readonly tileRows: number;
  /** Bytes of one buffer of transformed inputs and output gradients; there are two. */
  readonly points: number;
  /** Bytes of scratch for each thread. */
  readonly scratch: number;
}

/** How a frame is cut into Winograd tiles, and where their points lie. */
export interface GradientTiles {
  readonly across: number;
  readonly down: number;
  readonly tiles: number;
  /** Bytes from a tile of transformed inputs to the next. */
  readonly inputTile: number;
  /** Bytes from a tile of transformed output gradients to the next. */
  readonly outputTile: number;
  readonly inputPlane: number;
  readonly outputPlane: number;
}

/**
 * Products go down the columns of the points, a few floats of each tile at a time: an odd number of cache lines from tile to tile keeps
 * a column in the cache.
 */
function spread(bytes: number): number {
  return bytes % 256 === 0 ? bytes + 64 : bytes;
}

/** The tiles of a frame. */
export function gradientTiles({ size, frames, input, output }: GradientShape, m: number): GradientTiles {
  const across = Math.ceil(size[2] / m);
  const down = Math.ceil(size[1] / m);
  const tiles = across * down;
  const [inputTile, outputTile] = [spread(input.pixel), spread(output.pixel)];
  return {
    across,
    down,
    tiles,
    inputTile,
    outputTile,
    inputPlane: planeBytes(frames * tiles * inputTile),
    outputPlane: planeBytes(frames * tiles * outputTile),
  };
}

/** Where the sums of a weight gradient lie. */
export function gradientLayout(shape: GradientShape): GradientLayout {
  const { kernel, dilation, groups, inputs, outputs, vectors, winograd } = shape;
  const lanes = 4 * vectors;
  const direct = winograd === undefined;
  const points = direct ? 1 : winogradTile(winograd, kernel[2]).points;
  const merged = direct && dilation[2] === 1 && shape.channel === 0 && inputs === shape.input.channels;
  const columns = merged ? kernel[2] * inputs : inputs;
  const allColumns = Math.ceil(columns / lanes) * lanes;
  const matrices = direct ? groups * kernel[0] * kernel[1] * (merged ? 1 : kernel[2]) : points ** 2;
  const vectorsPerPart = Math.ceil((outputs * allColumns) / 4 / finishParts);
  const matrix = direct ? outputs * allColumns * 4 : vectorsPerPart * finishParts * 16;
  // Enough pieces for several threads.
  const blocks = Math.max(1, Math.min(Math.floor(outputs / 12), Math.ceil(12 / matrices)));
  const tiles = direct ? undefined : gradientTiles(shape, winograd);
  return {
    matrices,
    columns,
    allColumns,
    merged,
    matrix,
    blocks,
    bytes: matrices * matrix + 64,
    finished: direct ? 0 : (kernel[1] * kernel[2] + points * kernel[2]) * matrix,
    tileRows: tiles?.down ?? 0,
    points: tiles === undefined ? 0 : points ** 2 * (tiles.inputPlane + tiles.outputPlane) + 256,
    scratch: tiles === undefined || direct ? 0 : rowScratch(shape, winograd, tiles),
  };
}

function rowScratch({ input, output, fused, kernel }: GradientShape, m: number, { across }: GradientTiles): number {
  const tile = winogradTile(m, kernel[2]);
  const common = { across, step: m, fused };
  return Math.max(
    tileRowScratch({ ...common, frame: input, matrix: tile.input }),
    tileRowScratch({ ...common, frame: output, matrix: transposed(tile.output) }),
  );
}
