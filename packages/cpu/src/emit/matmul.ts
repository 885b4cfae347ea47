import type { Code, Local } from "../assembler/code.ts";
import { Module } from "../assembler/module.ts";
import { setAddress } from "./address.ts";
import { depthBlock, forUnits, loadWord, lower, type MatmulShape, type MatmulWord } from "./matmulWords.ts";
import { addPackPanels } from "./packPanels.ts";

const floatBytes = 4;
const vectorBytes = 16;

/** Most rows of A at a time: a block of this height and depth stays in the second-level cache. */
export const rowBlock = 96;

/** Where a block of A is copied to, so that its strides are known when the code is made. */
interface BlockLayout {
  /** Bytes from a row to the next. */
  readonly row: number;
  /** Bytes from an element of a row to the next. */
  readonly step: number;
  /** All of it. */
  readonly bytes: number;
}

function blockLayout({ transposeA }: MatmulShape): BlockLayout {
  // A cache line more than a power of two: rows must not all meet in the same places of the cache.
  if (!transposeA) {
    const row = floatBytes * depthBlock + 64;
    return { row, step: floatBytes, bytes: rowBlock * row };
  }
  const step = floatBytes * rowBlock + 64;
  return { row: floatBytes, step, bytes: depthBlock * step };
}

/** Bytes of scratch of a thread. */
export function matmulScratch(shape: MatmulShape): number {
  return blockLayout(shape).bytes + rowBlock * shape.vectors * vectorBytes;
}

/** Adds a function `(a, b, c, cRow, depth, accumulate)` that multiplies a tile of so many rows. @returns its number */
function addTile(module: Module, rows: number, { vectors, fused }: MatmulShape, { row, step }: BlockLayout): number {
  return module.add(`tile${rows}`, 6, (code) => {
    const [a, b, c, cRow, depth, accumulate] = code.parameters;
    const [splat, ...right] = code.localList("v128", 1 + vectors);
    const sums = Array.from({ length: rows }, () => code.localList("v128", vectors));
    const at = code.local("i32");
    const each = (visit: (sum: Local, offset: number) => void): void => {
      code.get(c).set(at);
      for (const [i, parts] of sums.entries()) {
        if (i > 0) code.increase(at, cRow);
        for (const [v, sum] of parts.entries()) visit(sum, v * vectorBytes);
      }
    };
    each((sum) => code.zeros().set(sum));
    // One step of the summed axis per round: V8 11 hoists all loads of a longer body and spills.
    code.countDown(depth, () => {
      for (const [v, vector] of right.entries()) code.load(b, v * vectorBytes).set(vector);
      for (const [i, parts] of sums.entries()) {
        code.loadSplat(a, i * row).set(splat);
        for (const [v, sum] of parts.entries()) code.multiplyAdd(sum, splat, right[v], fused);
      }
      code.advance(a, step).advance(b, vectors * vectorBytes);
    });
    // What is there comes last, so that a long sum rounds as a sum of blocks.
    code.get(accumulate).if(() => each((sum, offset) => code.load(at, offset).get(sum).op("f32x4.add").set(sum)));
    each((sum, offset) => code.store(at, offset, sum));
  });
}

/** Adds a function `(a, b, c, cRow, depth, accumulate, rows)` that multiplies a panel, in tiles of about the same height. @returns its number */
function addPanel(module: Module, shape: MatmulShape, layout: BlockLayout): number {
  const tiles = Array.from({ length: shape.rows }, (_, k) => addTile(module, k + 1, shape, layout));
  const strip = module.add("strip", 8, (code) => {
    const [a, b, c, cRow, depth, accumulate, height, count] = code.parameters;
    for (const [k, tile] of tiles.entries()) {
      code
        .get(height)
        .number(k + 1)
        .op("i32.eq");
      code.if(() => {
        code.countDown(count, () => {
          for (const argument of [a, b, c, cRow, depth, accumulate]) code.get(argument);
          code.call(tile).advance(a, (k + 1) * layout.row);
          for (let i = 0; i <= k; i++) code.increase(c, cRow);
        });
      });
    }
  });
  return module.add("panel", 7, (code) => {
    const [a, b, c, cRow, depth, accumulate, rows] = code.parameters;
    const [tall, talls, shorts] = code.localList("i32", 3);
    const count = code.local("i32");
    const run = (height: Local, times: Local): void => {
      for (const argument of [a, b, c, cRow, depth, accumulate, height, times]) code.get(argument);
      code.call(strip);
    };
    code
      .get(rows)
      .number(shape.rows - 1)
      .op("i32.add")
      .number(shape.rows)
      .op("i32.div_u")
      .set(count);
    code.get(rows).get(count).op("i32.add").number(1).op("i32.sub").get(count).op("i32.div_u").set(tall);
    code.get(tall).get(count).op("i32.mul").get(rows).op("i32.sub").set(shorts);
    code.get(count).get(shorts).op("i32.sub").set(talls);
    run(tall, talls);
    code.get(shorts).if(() => {
      code.get(talls).get(tall).op("i32.mul").set(count);
      setAddress(code, a, a, [[count, layout.row]]);
      code.get(c).get(count).get(cRow).op("i32.mul").op("i32.add").set(c);
      code.advance(tall, -1);
      run(tall, shorts);
    });
  });
}

/** Copies so many rows of so many bytes. */
function copyRows(
  code: Code,
  rows: Local,
  bytes: Local,
  to: { readonly start: Local; readonly step: Local },
  from: { readonly start: Local; readonly step: Local },
): void {
  const [target, source, left] = code.localList("i32", 3);
  code.get(to.start).set(target).get(from.start).set(source).get(rows).set(left);
  code.countDown(left, () => code.copy(target, source, bytes).increase(target, to.step).increase(source, from.step));
}

/** Adds the task function that multiplies blocks of results. */
function addProducts(module: Module, shape: MatmulShape): void {
  const layout = blockLayout(shape);
  const lanes = 4 * shape.vectors;
  const panel = addPanel(module, shape, layout);
  module.add("product", 3, (code) => {
    const [parameters, index, scratch] = code.parameters;
    const word = (name: MatmulWord): Local => loadWord(code, parameters, name);
    const [rows, inner, columns, panelBytes, accumulate] = [
      word("rows"),
      word("inner"),
      word("columns"),
      word("panelBytes"),
      word("accumulate"),
    ];
    const [blockRows, blockPanels, panelCount] = [word("blockRows"), word("blockPanels"), word("panelCount")];
    const [rowBlocks, columnBlocks] = [word("rowBlocks"), word("columnBlocks")];
    const [n, rest, firstRow, height, firstPanel, lastPanel] = code.localList("i32", 6);
    const [k, depth, add, a, b, c, at, width] = code.localList("i32", 8);
    const [bytes, aRow, cRow, fixed, edge, edgeRow, p] = code.localList("i32", 7);
    code.number(shape.transposeA ? layout.step : layout.row).set(fixed);
    code.number(lanes * floatBytes).set(edgeRow);
    setAddress(code, edge, scratch, [], layout.bytes);
    code.get(columns).number(floatBytes).op("i32.mul").set(cRow);
    code
      .get(shape.transposeA ? rows : inner)
      .number(floatBytes)
      .op("i32.mul")
      .set(aRow);
    /** `local = x · y`. */
    const times = (local: Local, x: Local, y: Local): void => {
      code.get(x).get(y).op("i32.mul").set(local);
    };
    const panels = (): void => {
      for (const argument of [scratch, b, at, width, depth, add, height]) code.get(argument);
      code.call(panel);
    };
    /** Copies a block of A from row `firstRow` and element `k` on. */
    const copyBlock = (): void => {
      // The place of the first element among the floats of A.
      code.get(n).get(rows).op("i32.mul").get(inner).op("i32.mul");
      const [outer, line, along] = shape.transposeA ? [k, rows, firstRow] : [firstRow, inner, k];
      code.get(outer).get(line).op("i32.mul").op("i32.add").get(along).op("i32.add").set(a);
      setAddress(code, a, word("a"), [[a, floatBytes]]);
      const [count, length] = shape.transposeA ? [depth, height] : [height, depth];
      code.get(length).number(floatBytes).op("i32.mul").set(bytes);
      copyRows(code, count, bytes, { start: scratch, step: fixed }, { start: a, step: aRow });
    };
    /** All panels of the block, for the run of the summed axis from `k` on. */
    const multiply = (): void => {
      times(b, n, word("matrixBytes"));
      code.increase(b, word("panels"));
      // Panels of earlier runs, which are whole, then those of earlier blocks of this run.
      code.get(b).get(k).get(panelCount).op("i32.mul");
      code
        .number(lanes * floatBytes)
        .op("i32.mul")
        .op("i32.add")
        .set(b);
      code.get(b).get(firstPanel).get(panelBytes).op("i32.mul").op("i32.add").set(b);
      code.get(n).get(rows).op("i32.mul").get(firstRow).op("i32.add").get(columns).op("i32.mul");
      code.get(firstPanel).number(lanes).op("i32.mul").op("i32.add").set(c);
      setAddress(code, c, word("c"), [[c, floatBytes]]);
      code.get(firstPanel).set(p);
      code.while(
        () => code.get(p).get(lastPanel).op("i32.lt_u"),
        () => {
          code.get(columns).get(p).number(lanes).op("i32.mul").op("i32.sub").set(bytes);
          code.get(bytes).number(lanes).op("i32.lt_s");
          code.if(
            () => {
              // The last panel reaches past the last column: by way of scratch.
              code.get(bytes).number(floatBytes).op("i32.mul").set(bytes);
              const [inside, outside] = [
                { start: edge, step: edgeRow },
                { start: c, step: cRow },
              ];
              code.get(add).if(() => copyRows(code, height, bytes, inside, outside));
              code.get(edge).set(at).get(edgeRow).set(width);
              panels();
              copyRows(code, height, bytes, outside, inside);
            },
            () => {
              code.get(c).set(at).get(cRow).set(width);
              panels();
            },
          );
          code
            .increase(b, panelBytes)
            .advance(c, lanes * floatBytes)
            .advance(p, 1);
        },
      );
    };
    forUnits(code, index, word("productPer"), word("productUnits"), (unit) => {
      code.get(unit).get(columnBlocks).op("i32.rem_u").get(blockPanels).op("i32.mul").tee(firstPanel);
      code.get(blockPanels).op("i32.add").set(lastPanel);
      lower(code, lastPanel, panelCount);
      code.get(unit).get(columnBlocks).op("i32.div_u").set(rest);
      code.get(rest).get(rowBlocks).op("i32.rem_u").get(blockRows).op("i32.mul").set(firstRow);
      code.get(rest).get(rowBlocks).op("i32.div_u").set(n);
      code.get(rows).get(firstRow).op("i32.sub").set(height);
      lower(code, height, blockRows);
      code.number(0).set(k).get(accumulate).set(add);
      code.while(
        () => code.get(k).get(inner).op("i32.lt_u"),
        () => {
          code.get(inner).get(k).op("i32.sub").set(depth);
          code.number(depthBlock).set(rest);
          lower(code, depth, rest);
          copyBlock();
          multiply();
          code.advance(k, depthBlock).number(1).set(add);
        },
      );
    });
  });
}

/**
 * A module with two task functions: `pack` cuts B into panels of columns, `product` multiplies blocks of results. All sizes come in
 * parameters ({@link matmulWords}). Every result is summed in the same order, however the work is cut.
 */
export function emitMatmul(shape: MatmulShape): Module {
  const module = new Module();
  addPackPanels(module, shape);
  addProducts(module, shape);
  return module;
}
