import type { Code, Local } from "../assembler/code.ts";
import type { Module } from "../assembler/module.ts";
import { setAddress, splitIndex } from "./address.ts";
import type { Triple } from "./bandConv.ts";
import type { Frame } from "./frame.ts";
import { addLinearMap, neighbours } from "./linearMap.ts";
import { addProductBlock } from "./productTile.ts";
import { addTileTransform, planeBytes, tileRowScratch } from "./tileTransform.ts";
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

/** Longest run of the summed axis in one tile product: its panels have to stay in the first-level cache. */
const runLimit = 256;
/** Tasks that the last transform is done in. */
export const finishParts = 4;

/** Where the sums lie and how the work is cut. */
export interface GradientLayout {
  /** Runs of columns: `[groups, kD, kH, kW or 1]` matrices (direct) or `[6, 6]` points. */
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

interface Tiles {
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

function tilesOf({ size, frames, input, output }: GradientShape, m: number): Tiles {
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
  const tiles = direct ? undefined : tilesOf(shape, winograd);
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

function rowScratch({ input, output, fused, kernel }: GradientShape, m: number, { across }: Tiles): number {
  const tile = winogradTile(m, kernel[2]);
  const common = { across, step: m, fused };
  return Math.max(
    tileRowScratch({ ...common, frame: input, matrix: tile.input }),
    tileRowScratch({ ...common, frame: output, matrix: transposed(tile.output) }),
  );
}

/** Names of the functions that {@link addWeightGradient} adds, and words of parameters that they read. */
export const gradientFunctions = { points: "gradient.points", product: "gradient.product", finish: "gradient.finish" };

/**
 * Adds the task functions of a weight gradient. From parameter word `word` on they read: input frames, frames of output gradients, number of
 * frames, sums (zero at first), points, finished.
 *
 * - `gradient.points` (Winograd only): index (frame, row of tiles).
 * - `gradient.product`: index (group of frames, matrix, block); adds to the sums.
 * - `gradient.finish` (Winograd only): index (part), after all products.
 */
export function addWeightGradient(module: Module, shape: GradientShape, word: number): void {
  if (shape.winograd === undefined) addDirect(module, shape, word);
  else addWinograd(module, shape, shape.winograd, word);
}

function parameter(code: Code, word: number): Local {
  const local = code.local("i32");
  code.loadNumber(code.parameter(0), 4 * word).set(local);
  return local;
}

/** Runs `body` for each frame of a group. */
function forFramesOf(
  code: Code,
  group: Local,
  frames: number,
  count: Local,
  body: (frame: Local, place: Local) => void,
): void {
  const [frame, place] = code.localList("i32", 2);
  code.get(group).number(frames).op("i32.mul").set(frame).number(0).set(place);
  code.while(
    () => code.get(place).number(frames).op("i32.lt_u").get(frame).get(count).op("i32.lt_u").op("i32.and"),
    () => {
      body(frame, place);
      code.advance(frame, 1).advance(place, 1);
    },
  );
}

/** A run cut into equal pieces of at most `limit`, and the last one. */
function runs(length: number, limit: number): { pieces: number; piece: number; last: number } {
  const pieces = Math.ceil(length / limit);
  const piece = Math.ceil(length / pieces);
  const whole = Math.ceil(length / piece);
  return { pieces: whole, piece, last: length - (whole - 1) * piece };
}

/** Rows (output channels) of each block: the same number, the last one perhaps fewer. */
function blockRows({ outputs }: GradientShape, blocks: number): { rows: number; last: number } {
  const rows = Math.ceil(outputs / blocks);
  return { rows, last: outputs - (blocks - 1) * rows };
}

function addDirect(module: Module, shape: GradientShape, word: number): void {
  const { input, output, kernel, stride, dilation, size, vectors, fused, groups } = shape;
  const at = gradientLayout(shape);
  const width = vectors * 16;
  const { rows, last } = blockRows(shape, at.blocks);
  const rowBlock = runs(size[1], Math.max(1, Math.floor(128 / size[2])));
  const product = (name: string, outputs: number, imageRows: number): number =>
    addProductBlock(module, name, {
      rows: outputs,
      vectors,
      panels: at.allColumns / (4 * vectors),
      aRow: 4,
      cRow: at.allColumns * 4,
      bPanel: width,
      cPanel: width,
      loops: [
        { count: imageRows, aStep: output.row, bStep: stride[1] * input.row },
        { count: size[2], aStep: output.pixel, bStep: stride[2] * input.pixel },
      ],
      accumulate: true,
      fused,
    });
  const variants = new Map<string, number>();
  const variant = (outputs: number, imageRows: number): number => {
    const name = `rows ${outputs} ${imageRows}`;
    const found = variants.get(name) ?? product(name, outputs, imageRows);
    variants.set(name, found);
    return found;
  };
  const blocks = [rows, last].map((outputs) => [variant(outputs, rowBlock.piece), variant(outputs, rowBlock.last)]);
  const taps = at.merged ? 1 : kernel[2];
  module.add(gradientFunctions.product, 3, (code) => {
    const [inputs, outputs, count, sums] = [0, 1, 2, 3].map((k) => parameter(code, word + k));
    const [group, g, kd, kh, kw, block] = splitIndex(code, code.parameter(1), [
      0x7fffffff,
      groups,
      kernel[0],
      kernel[1],
      taps,
      at.blocks,
    ]);
    const [from, gradient, to, matrix] = code.localList("i32", 4);
    // The matrix number from its parts.
    code.get(g);
    for (const [part, parts] of [
      [kd, kernel[0]],
      [kh, kernel[1]],
      [kw, taps],
    ] as const) {
      code.number(parts).op("i32.mul").get(part).op("i32.add");
    }
    code.set(matrix);
    setAddress(code, to, sums, [
      [matrix, at.matrix],
      [block, rows * at.allColumns * 4],
    ]);
    forFramesOf(code, group, shape.frames, count, (frame) => {
      setAddress(
        code,
        from,
        inputs,
        [
          [frame, input.bytes],
          [kd, dilation[0] * input.plane],
          [kh, dilation[1] * input.row],
          [kw, dilation[2] * input.pixel],
          [g, shape.inputs * 4],
        ],
        shape.channel * 4,
      );
      setAddress(code, gradient, outputs, [
        [frame, output.bytes],
        [g, shape.outputs * 4],
        [block, rows * 4],
      ]);
      const plane = ([whole, rest]: readonly number[]): void => {
        code.repeat(size[0], () => {
          code.repeat(rowBlock.pieces - 1, () => {
            code.get(gradient).get(from).get(to).call(whole);
            code.advance(gradient, rowBlock.piece * output.row).advance(from, rowBlock.piece * stride[1] * input.row);
          });
          code.get(gradient).get(from).get(to).call(rest);
          const moved = (rowBlock.pieces - 1) * rowBlock.piece;
          code.advance(gradient, output.plane - moved * output.row);
          code.advance(from, stride[0] * input.plane - moved * stride[1] * input.row);
        });
      };
      code
        .get(block)
        .number(at.blocks - 1)
        .op("i32.eq");
      code.if(
        () => plane(blocks[1]),
        () => plane(blocks[0]),
      );
    });
  });
}

function addWinograd(module: Module, shape: GradientShape, m: number, word: number): void {
  const { input, output, vectors, fused, kernel, frames } = shape;
  const at = gradientLayout(shape);
  const { across, down, tiles, inputTile, outputTile, inputPlane, outputPlane } = tilesOf(shape, m);
  const common = { across, step: m, fused };
  const tile = winogradTile(m, kernel[2]);
  const ofInput = addTileTransform(module, "gradient.input", {
    ...common,
    frame: input,
    matrix: tile.input,
    tile: inputTile,
    plane: inputPlane,
  });
  const ofOutput = addTileTransform(module, "gradient.output", {
    ...common,
    frame: output,
    matrix: transposed(tile.output),
    tile: outputTile,
    plane: outputPlane,
  });
  const inputBytes = tile.points ** 2 * inputPlane;
  module.add(gradientFunctions.points, 3, (code) => {
    const [inputs, outputs, , , points] = [0, 1, 2, 3, 4].map((k) => parameter(code, word + k));
    const [group, place, tileRow] = splitIndex(code, code.parameter(1), [0x7fffffff, frames, down]);
    const [frame, buffer, from, to] = code.localList("i32", 4);
    code.get(group).number(frames).op("i32.mul").get(place).op("i32.add").set(frame);
    code.get(group).number(1).op("i32.and").set(group);
    setAddress(code, buffer, points, [[group, at.points]]);
    setAddress(code, from, inputs, [
      [frame, input.bytes],
      [tileRow, m * input.row],
    ]);
    setAddress(code, to, buffer, [
      [place, tiles * inputTile],
      [tileRow, across * inputTile],
    ]);
    code.get(from).get(to).get(code.parameter(2)).call(ofInput);
    setAddress(code, from, outputs, [
      [frame, output.bytes],
      [tileRow, m * output.row],
    ]);
    setAddress(
      code,
      to,
      buffer,
      [
        [place, tiles * outputTile],
        [tileRow, across * outputTile],
      ],
      inputBytes,
    );
    code.get(from).get(to).get(code.parameter(2)).call(ofOutput);
  });
  // Tiles of a whole group lie one after the other; those of the last one may be fewer and go frame by frame.
  const [ofGroup, ofFrame] = [runs(frames * tiles, runLimit), runs(tiles, runLimit)];
  const { rows, last } = blockRows(shape, at.blocks);
  const variants = new Map<string, number>();
  const variant = (outputs: number, length: number): number => {
    const name = `run ${outputs} ${length}`;
    const found =
      variants.get(name) ??
      addProductBlock(module, name, {
        rows: outputs,
        vectors,
        panels: at.allColumns / (4 * vectors),
        aRow: 4,
        cRow: at.allColumns * 4,
        bPanel: vectors * 16,
        cPanel: vectors * 16,
        loops: [{ count: length, aStep: outputTile, bStep: inputTile }],
        accumulate: true,
        fused,
      });
    variants.set(name, found);
    return found;
  };
  module.add(gradientFunctions.product, 3, (code) => {
    const [, , count, sums, points] = [0, 1, 2, 3, 4].map((k) => parameter(code, word + k));
    const [group, point, block] = splitIndex(code, code.parameter(1), [0x7fffffff, at.matrices, at.blocks]);
    const [buffer, from, gradient, to, parity, end] = code.localList("i32", 6);
    code.get(group).number(1).op("i32.and").set(parity);
    setAddress(code, buffer, points, [[parity, at.points]]);
    setAddress(code, to, sums, [
      [point, at.matrix],
      [block, rows * at.allColumns * 4],
    ]);
    setAddress(code, from, buffer, [[point, inputPlane]], shape.channel * 4);
    setAddress(
      code,
      gradient,
      buffer,
      [
        [point, outputPlane],
        [block, rows * 4],
      ],
      inputBytes,
    );
    const sum = (outputs: number, run: ReturnType<typeof runs>): void => {
      const part = (length: number): void => {
        code.get(gradient).get(from).get(to).call(variant(outputs, length));
        code.advance(gradient, length * outputTile).advance(from, length * inputTile);
      };
      code.repeat(run.pieces - 1, () => part(run.piece));
      part(run.last);
    };
    const sumGroup = (outputs: number): void => {
      code.get(group).number(1).op("i32.add").number(frames).op("i32.mul").set(end);
      code.get(end).get(count).op("i32.le_s");
      code.if(
        () => sum(outputs, ofGroup),
        () => forFramesOf(code, group, frames, count, () => sum(outputs, ofFrame)),
      );
    };
    code
      .get(block)
      .number(at.blocks - 1)
      .op("i32.eq");
    code.if(
      () => sumGroup(last),
      () => sumGroup(rows),
    );
  });
  const taps = kernel[2];
  const matrix = transposed(tile.weight);
  const partBytes = at.matrix / finishParts;
  const squeeze = addLinearMap(module, "gradient.squeeze", {
    matrix,
    inStride: at.matrix,
    outStride: at.matrix,
    loops: [
      { count: tile.points, inStep: tile.points * at.matrix, outStep: taps * at.matrix },
      neighbours(partBytes / 16),
    ],
    fused,
  });
  const close = addLinearMap(module, "gradient.close", {
    matrix,
    inStride: taps * at.matrix,
    outStride: taps * at.matrix,
    loops: [{ count: taps, inStep: at.matrix, outStep: at.matrix }, neighbours(partBytes / 16)],
    fused,
  });
  module.add(gradientFunctions.finish, 3, (code) => {
    const [sums, finished] = [parameter(code, word + 3), parameter(code, word + 5)];
    const [from, between, to] = code.localList("i32", 3);
    setAddress(code, from, sums, [[code.parameter(1), partBytes]]);
    setAddress(code, to, finished, [[code.parameter(1), partBytes]]);
    setAddress(code, between, to, [], taps * taps * at.matrix);
    code.get(from).get(between).call(squeeze);
    code.get(between).get(to).call(close);
  });
}
