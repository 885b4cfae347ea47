import type { Module } from "../assembler/module.ts";
import { setAddress, splitIndex } from "./address.ts";
import { type GradientShape, gradientLayout } from "./gradientLayout.ts";
import { blockRows, forFramesOf, gradientFunctions, parameter, runs } from "./gradientParts.ts";
import { addProductBlock } from "./productTile.ts";

/** Adds the task functions of a weight gradient by plain sums; see `addWeightGradient`. */
export function addDirectGradient(module: Module, shape: GradientShape, word: number): void {
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
