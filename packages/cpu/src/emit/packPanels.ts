import type { Local } from "../assembler/code.ts";
import type { Module } from "../assembler/module.ts";
import { setAddress } from "./address.ts";
import { depthBlock, forUnits, loadWord, lower, type MatmulShape, type MatmulWord } from "./matmulWords.ts";
import { transpose4 } from "./transpose.ts";

const floatBytes = 4;
const vectorBytes = 16;

/**
 * Adds the task function `pack`, which cuts slices of B into panels `[depth, 4 · vectors]`, in the order (matrix, run of the summed axis,
 * panel). Lanes past the last column get anything; up to 63 bytes past the end of B are read.
 */
export function addPackPanels(module: Module, { transposeB, vectors }: MatmulShape): void {
  const lanes = 4 * vectors;
  const row = lanes * floatBytes;
  module.add("pack", 3, (code) => {
    const [parameters, index] = code.parameters;
    const word = (name: MatmulWord): Local => loadWord(code, parameters, name);
    const [inner, columns, panelCount, panelBytes] = [
      word("inner"),
      word("columns"),
      word("panelCount"),
      word("panelBytes"),
    ];
    const [slice, slices, b, all] = [word("slice"), word("slices"), word("b"), word("panels")];
    const matrixBytes = word("matrixBytes");
    const [n, k, depth, source, target, from, to, p, left, step] = code.localList("i32", 10);
    const part = code.localList("v128", 4);
    const spare = code.localList("v128", 4);
    const pointers = code.localList("i32", 4);
    code
      .get(transposeB ? inner : columns)
      .number(floatBytes)
      .op("i32.mul")
      .set(step);
    /** Rows of a panel, as they stand. */
    const copyPanel = (): void => {
      code.get(depth).set(left);
      code.countDown(left, () => {
        for (let v = 0; v < vectors; v++) code.load(from, v * vectorBytes).set(part[v]);
        for (let v = 0; v < vectors; v++) code.store(to, v * vectorBytes, part[v]);
        code.increase(from, step).advance(to, row);
      });
    };
    /** Columns of a panel, four by four; `p` is its number. */
    const turnPanel = (): void => {
      const [lane, last] = code.localList("i32", 2);
      code.get(columns).number(1).op("i32.sub").set(last);
      for (let v = 0; v < vectors; v++) {
        for (const [q, pointer] of pointers.entries()) {
          // Past the last column, the last one again.
          code
            .get(p)
            .number(lanes)
            .op("i32.mul")
            .number(4 * v + q)
            .op("i32.add")
            .set(lane);
          lower(code, lane, last);
          code.get(source).get(lane).get(step).op("i32.mul").op("i32.add").set(pointer);
        }
        setAddress(code, from, to, [], v * vectorBytes);
        code.get(depth).number(3).op("i32.add").number(2).op("i32.shr_u").set(left);
        code.countDown(left, () => {
          for (const [q, pointer] of pointers.entries()) {
            code.load(pointer, 0).set(part[q]);
            code.advance(pointer, vectorBytes);
          }
          transpose4(code, part, spare);
          for (const [q, vector] of part.entries()) code.store(from, q * row, vector);
          code.advance(from, 4 * row);
        });
      }
    };
    forUnits(code, index, word("packPer"), word("packUnits"), (unit) => {
      code.get(unit).get(slices).op("i32.div_u").set(n);
      code.get(unit).get(slices).op("i32.rem_u").get(slice).op("i32.mul").set(k);
      code.get(inner).get(k).op("i32.sub").set(depth);
      lower(code, depth, slice);
      // Where the slice starts in B, and in the first panel of its run.
      code.get(n).get(inner).op("i32.mul").get(columns).op("i32.mul");
      code.get(k);
      if (!transposeB) code.get(columns).op("i32.mul");
      code.op("i32.add").set(source);
      setAddress(code, source, b, [[source, floatBytes]]);
      code.get(n).get(matrixBytes).op("i32.mul").get(all).op("i32.add");
      code
        .get(k)
        .number(-depthBlock)
        .op("i32.and")
        .get(panelCount)
        .op("i32.mul")
        .number(row)
        .op("i32.mul")
        .op("i32.add");
      code
        .get(k)
        .number(depthBlock - 1)
        .op("i32.and")
        .number(row)
        .op("i32.mul")
        .op("i32.add")
        .set(target);
      code.number(0).set(p);
      code.while(
        () => code.get(p).get(panelCount).op("i32.lt_u"),
        () => {
          code.get(target).set(to);
          if (transposeB) turnPanel();
          else {
            setAddress(code, from, source, [[p, row]]);
            copyPanel();
          }
          code.increase(target, panelBytes).advance(p, 1);
        },
      );
    });
  });
}
