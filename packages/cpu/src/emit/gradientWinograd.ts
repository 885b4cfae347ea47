import type { Module } from "../assembler/module.ts";
import { setAddress, splitIndex } from "./address.ts";
import { finishParts, type GradientShape, gradientLayout, gradientTiles } from "./gradientLayout.ts";
import { blockRows, forFramesOf, gradientFunctions, parameter, runs } from "./gradientParts.ts";
import { addLinearMap, neighbours } from "./linearMap.ts";
import { addProductBlock } from "./productTile.ts";
import { addTileTransform } from "./tileTransform.ts";
import { transposed, winogradTile } from "./winograd.ts";

/** Longest run of the summed axis in one tile product: its panels have to stay in the first-level cache. */
const runLimit = 256;

/** Adds the task functions of a weight gradient by Winograd's algorithm with tiles of m outputs; see `addWeightGradient`. */
export function addWinogradGradient(module: Module, shape: GradientShape, m: number, word: number): void {
  const { input, output, vectors, fused, kernel, frames } = shape;
  const at = gradientLayout(shape);
  const { across, down, tiles, inputTile, outputTile, inputPlane, outputPlane } = gradientTiles(shape, m);
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
