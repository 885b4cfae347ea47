import type { Code, Local } from "../assembler/code.ts";
import type { Module } from "../assembler/module.ts";
import { setAddress } from "./address.ts";
import type { Frame } from "./frame.ts";
import { addLinearMap, neighbours } from "./linearMap.ts";
import { addProductBlock } from "./productTile.ts";
import { addTileTransform, planeBytes, tileRowScratch } from "./tileTransform.ts";
import { type WinogradTile, winogradTile } from "./winograd.ts";

const floatBytes = 4;

/** Kernel, stride and dilation along depth, height and width. */
export type Triple = readonly [number, number, number];

/** A convolution of one group as emitted kernels see it. Bands are runs of output rows of one plane. */
export interface BandShape {
  /** The input. */
  readonly frame: Frame;
  /** Channels of the frame that are read, from the address on. */
  readonly channels: number;
  /** Taps along each axis. */
  readonly kernel: Triple;
  /** Step between outputs along each axis. */
  readonly stride: Triple;
  /** Step between taps along each axis. */
  readonly dilation: Triple;
  /** Output pixels of a row. */
  readonly width: number;
  /** Output rows of a band. */
  readonly rows: number;
  /** Panels of `4 · vectors` output channels that a call computes. */
  readonly panels: number;
  /** Panels of all output channels: how far apart the points of transformed weights lie. */
  readonly allPanels: number;
  /** Vectors of four floats per panel: 2 or 4. */
  readonly vectors: number;
  /** Outputs per axis of a Winograd tile, or `undefined` for the direct sum. */
  readonly winograd: number | undefined;
  /** Multiply and add in one rounding. */
  readonly fused: boolean;
  /** Whether results are added to what is there. Default false. */
  readonly accumulate?: boolean;
  /** Where results lie, if not as close together as they can. */
  readonly results?: BandLayout;
}

/** Where a band's results lie, in bytes. */
export interface BandLayout {
  /** From an output pixel to the next. */
  readonly pixel: number;
  /** From an output row to the next. */
  readonly row: number;
  /** All of them. */
  readonly bytes: number;
}

/** Pixels of a row that a band writes: Winograd writes whole tiles. */
function paddedWidth({ width, winograd }: BandShape): number {
  return winograd === undefined ? width : Math.ceil(width / winograd) * winograd;
}

/** Where the results of a band lie: `[rows, width, panels · 4 · vectors]` unless the shape says otherwise. */
export function bandLayout(shape: BandShape): BandLayout {
  if (shape.results !== undefined) return shape.results;
  const pixel = shape.panels * shape.vectors * 4 * floatBytes;
  const row = paddedWidth(shape) * pixel;
  return { pixel, row, bytes: shape.rows * row + 256 };
}

interface WinogradLayout {
  readonly across: number;
  readonly tiles: number;
  readonly inputPlane: number;
  readonly outputPlane: number;
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Bytes of the sums of a tile at one point. */
  readonly sums: number;
  readonly squares: number;
}

/** The Winograd tile of a shape that has one. @throws RangeError if it has none */
function tileOf({ winograd, kernel }: BandShape): WinogradTile {
  if (winograd === undefined) throw new RangeError("a direct convolution has no Winograd tile");
  return winogradTile(winograd, kernel[2]);
}

/** Points of the Winograd tile, both axes together; one for the direct sum. */
export function pointsOf(shape: BandShape): number {
  return shape.winograd === undefined ? 1 : tileOf(shape).points ** 2;
}

function winogradLayout(shape: BandShape, m: number): WinogradLayout {
  const tile = tileOf(shape);
  const across = Math.ceil(shape.width / m);
  const tiles = across * Math.ceil(shape.rows / m);
  const inputPlane = planeBytes(tiles * shape.frame.pixel);
  const sums = shape.panels * shape.vectors * 16;
  const outputPlane = planeBytes(tiles * sums);
  return {
    across,
    tiles,
    inputPlane,
    outputPlane,
    rows: tileRowScratch({
      frame: shape.frame,
      matrix: tile.input,
      across,
      step: m,
      fused: shape.fused,
    }),
    inputs: tile.points ** 2 * inputPlane,
    outputs: tile.points ** 2 * outputPlane,
    sums,
    squares: tile.points * m * sums,
  };
}

/** Bytes of scratch that a band needs besides its results. */
export function bandScratch(shape: BandShape): number {
  if (shape.winograd === undefined) return 0;
  const { rows, inputs, outputs, squares } = winogradLayout(shape, shape.winograd);
  return rows + inputs + outputs + squares + 256;
}

/** Bytes of the weights of one panel, `[kD, kH, kW, channels, 4 · vectors]`. */
export function panelBytes({ kernel: [d, h, w], channels, vectors }: BandShape): number {
  return d * h * w * channels * vectors * 4 * floatBytes;
}

/** Bytes of one panel at one point of a Winograd tile, `[channels, 4 · vectors]`. */
export function pointPanelBytes({ channels, vectors }: BandShape): number {
  return channels * vectors * 4 * floatBytes;
}

/** Numbers of the functions of a band convolution. */
export interface BandFunctions {
  /** `(input, scratch)`: to be called once per band, before its blocks, if there is such a function. */
  readonly prepare: number | undefined;
  /** `(input, weights, output, scratch)`: convolves one block of output channels of the band. */
  readonly block: number;
}

/**
 * Adds the functions that convolve a band. `input` is the first tap of the band's first output, in the frame. `weights` are panels
 * (direct) or points (Winograd, from {@link addWeightTransform}), at the first panel wanted. All blocks of a band share `scratch`.
 */
export function addBandConv(module: Module, name: string, shape: BandShape): BandFunctions {
  return shape.winograd === undefined
    ? { prepare: undefined, block: addDirect(module, name, shape) }
    : addWinograd(module, name, shape, shape.winograd);
}

function addDirect(module: Module, name: string, shape: BandShape): number {
  const { frame, channels, kernel, stride, dilation, vectors, panels, rows } = shape;
  const { pixel, row } = bandLayout(shape);
  const width = vectors * 4 * floatBytes;
  const perPixel = channels * width;
  // Neighbouring pixels whose channels are all read are one run of the summed axis.
  const merged = dilation[2] === 1 && channels === frame.channels;
  const inner = merged
    ? [{ count: kernel[2] * channels, aStep: floatBytes, bStep: width }]
    : [
        { count: kernel[2], aStep: dilation[2] * frame.pixel, bStep: perPixel },
        { count: channels, aStep: floatBytes, bStep: width },
      ];
  const strip = addProductBlock(module, `${name}.strip`, {
    rows: shape.width,
    vectors,
    panels: 1,
    aRow: stride[2] * frame.pixel,
    cRow: pixel,
    bPanel: 0,
    cPanel: 0,
    loops: [
      { count: kernel[0], aStep: dilation[0] * frame.plane, bStep: kernel[1] * kernel[2] * perPixel },
      { count: kernel[1], aStep: dilation[1] * frame.row, bStep: kernel[2] * perPixel },
      ...inner,
    ],
    accumulate: shape.accumulate === true,
    fused: shape.fused,
  });
  return module.add(name, 4, (code) => {
    const [input, weights, output] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    code.repeat(panels, () => {
      code.repeat(rows, () => {
        code.get(input).get(weights).get(output).call(strip);
        code.advance(input, stride[1] * frame.row).advance(output, row);
      });
      code.advance(input, -rows * stride[1] * frame.row).advance(output, width - rows * row);
      code.advance(weights, panelBytes(shape));
    });
  });
}

function addWinograd(module: Module, name: string, shape: BandShape, m: number): BandFunctions {
  const { frame, channels, vectors, panels, rows, fused } = shape;
  const { pixel, row } = bandLayout(shape);
  const at = winogradLayout(shape, m);
  const tile = tileOf(shape);
  const { across, tiles, inputPlane, outputPlane } = at;
  const outputVectors = at.sums / 16;
  const width = vectors * 4 * floatBytes;
  const transform = addTileTransform(module, `${name}.input`, {
    frame,
    matrix: tile.input,
    across,
    step: m,
    tile: frame.pixel,
    plane: inputPlane,
    fused,
  });
  const product = addProductBlock(module, `${name}.product`, {
    rows: tiles,
    vectors,
    panels,
    aRow: frame.pixel,
    cRow: at.sums,
    bPanel: pointPanelBytes(shape),
    cPanel: width,
    loops: [{ count: channels, aStep: floatBytes, bStep: width }],
    accumulate: false,
    fused,
  });
  const gather = addLinearMap(module, `${name}.gather`, {
    matrix: tile.output,
    inStride: outputPlane,
    outStride: at.sums,
    loops: [{ count: tile.points, inStep: tile.points * outputPlane, outStep: m * at.sums }, neighbours(outputVectors)],
    fused,
  });
  const finish = addLinearMap(module, `${name}.finish`, {
    matrix: tile.output,
    inStride: m * at.sums,
    outStride: row,
    loops: [{ count: m, inStep: at.sums, outStep: pixel }, neighbours(outputVectors)],
    accumulate: shape.accumulate === true,
    fused,
  });
  const bands = Math.ceil(rows / m);
  const prepare = module.add(`${name}.prepare`, 2, (code) => {
    const [input, scratch] = code.parameters;
    const points = code.local("i32");
    setAddress(code, points, scratch, [], at.rows);
    code.repeat(bands, () => {
      code.get(input).get(points).get(scratch).call(transform);
      code.advance(input, m * frame.row).advance(points, across * frame.pixel);
    });
  });
  const block = module.add(name, 4, (code) => {
    const [, weights, output, scratch] = code.parameters;
    const [points, sums, squares] = code.localList("i32", 3);
    setAddress(code, points, scratch, [], at.rows);
    setAddress(code, sums, points, [], at.inputs);
    setAddress(code, squares, sums, [], at.outputs);
    code.repeat(tile.points ** 2, () => {
      code.get(points).get(weights).get(sums).call(product);
      code.advance(points, inputPlane).advance(sums, outputPlane);
      code.advance(weights, shape.allPanels * pointPanelBytes(shape));
    });
    code.advance(sums, -at.outputs);
    code.repeat(bands, () => {
      code.repeat(across, () => {
        code.get(sums).get(squares).call(gather);
        code.get(squares).get(output).call(finish);
        code.advance(sums, at.sums).advance(output, m * pixel);
      });
      code.advance(output, m * row - across * m * pixel);
    });
  });
  return { prepare, block };
}

/** Pushes the call that a band needs before its blocks. */
export function prepareBand(code: Code, { prepare }: BandFunctions, input: Local, scratch: Local): void {
  if (prepare !== undefined) code.get(input).get(scratch).call(prepare);
}

/** Bytes from the weights of a block of output channels to those of the next. */
export function blockWeightBytes(shape: BandShape): number {
  return shape.panels * (shape.winograd === undefined ? panelBytes(shape) : pointPanelBytes(shape));
}

/**
 * Adds a function `(panels, points)` that transforms the weights of one panel, `[taps, taps, channels, 4 · vectors]`, to its place
 * at every point of the tile.
 * @returns the function's number
 */
export function addWeightTransform(module: Module, name: string, shape: BandShape): number {
  const tile = tileOf(shape);
  const taps = shape.kernel[2];
  const { weight: matrix, points: tilePoints } = tile;
  const panel = pointPanelBytes(shape);
  const point = shape.allPanels * panel;
  const { fused } = shape;
  const down = addLinearMap(module, `${name}.down`, {
    matrix,
    inStride: taps * panel,
    outStride: taps * panel,
    loops: [neighbours((taps * panel) / 16)],
    fused,
  });
  const along = addLinearMap(module, `${name}.along`, {
    matrix,
    inStride: panel,
    outStride: point,
    loops: [{ count: tilePoints, inStep: taps * panel, outStep: tilePoints * point }, neighbours(panel / 16)],
    fused,
  });
  return module.add(name, 3, (code) => {
    const [weights, points, scratch] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    code.get(weights).get(scratch).call(down);
    code.get(scratch).get(points).call(along);
  });
}

/** Bytes of scratch that {@link addWeightTransform} needs. */
export function weightScratch(shape: BandShape): number {
  return tileOf(shape).points * shape.kernel[2] * pointPanelBytes(shape);
}
