import type { Module } from "../assembler/module.ts";
import { features } from "../features.ts";

const vectorBytes = 16;

/** A loop over the summed axis: how far both operands move per round. */
export interface ProductLoop {
  /** Rounds, at least one. */
  readonly count: number;
  /** Bytes that A moves. */
  readonly aStep: number;
  /** Bytes that B moves. */
  readonly bStep: number;
}

/** A tile `[rows, 4 · vectors]` of a matrix product. */
export interface ProductTile {
  /** Rows: at most 6, which with two vectors each need twelve registers for their sums. */
  readonly rows: number;
  /** Vectors of four floats per row: 2, or 4 where the engine fuses pairs to 256 bits. */
  readonly vectors: number;
  /** Bytes from a row of A to the next. */
  readonly aRow: number;
  /** Bytes from a row of results to the next. */
  readonly cRow: number;
  /** Loops over the summed axis, outermost first; the innermost is the hot one. */
  readonly loops: readonly ProductLoop[];
  /** Whether results are added to what is there. */
  readonly accumulate: boolean;
  /** Multiply and add in one rounding (relaxed SIMD). */
  readonly fused: boolean;
}

/**
 * Adds a function `(a, b, c)`, all byte addresses, that multiplies one tile: `c[i][j] = Σ_k a[i][k] · b[k][j]`. A is read float by
 * float wherever its strides say, so plain images are read where they lie; a row of B is contiguous, so are rows of results.
 *
 * One step of the summed axis per round of the inner loop: V8 11 hoists all loads of a longer body and spills.
 * @returns the function's number
 */
export function addProductTile(module: Module, name: string, tile: ProductTile): number {
  const { rows, vectors, aRow, cRow, fused } = tile;
  return module.add(name, 3, (code) => {
    const [a, b, c] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    const right = code.localList("v128", vectors);
    const splat = code.local("v128");
    const sums = Array.from({ length: rows }, () => code.localList("v128", vectors));
    const each = (visit: (offset: number, row: number, vector: number) => void): void => {
      for (let i = 0; i < rows; i++) {
        for (let v = 0; v < vectors; v++) visit(i * cRow + v * vectorBytes, i, v);
      }
    };
    each((_, i, v) => code.zeros().set(sums[i][v]));
    const nest = (depth: number, next: { a: number; b: number }): void => {
      if (depth === tile.loops.length) {
        for (let v = 0; v < vectors; v++) code.load(b, v * vectorBytes).set(right[v]);
        for (let i = 0; i < rows; i++) {
          code.loadSplat(a, i * aRow).set(splat);
          for (let v = 0; v < vectors; v++) code.multiplyAdd(sums[i][v], splat, right[v], fused);
        }
      } else {
        const { count, aStep, bStep } = tile.loops[depth];
        const inner = { a: 0, b: 0 };
        const round = (): void => {
          inner.a = 0;
          inner.b = 0;
          nest(depth + 1, inner);
          // Inner loops moved the operands already.
          if (aStep !== inner.a) code.advance(a, aStep - inner.a);
          if (bStep !== inner.b) code.advance(b, bStep - inner.b);
        };
        code.repeat(count, round);
        next.a += count * aStep;
        next.b += count * bStep;
      }
    };
    nest(0, { a: 0, b: 0 });
    // What is there comes last: a long sum made of runs then rounds as sums of runs do, far less than one number after the other.
    each((offset, i, v) => {
      if (tile.accumulate) code.load(c, offset).get(sums[i][v]).op("f32x4.add").set(sums[i][v]);
      code.store(c, offset, sums[i][v]);
    });
  });
}

/** A run of rows cut into tiles of at most `most` rows each, all of the same height or one less: no tile is nearly empty. */
export function tileHeights(
  rows: number,
  most: number,
): { readonly tall: number; readonly talls: number; readonly shorts: number } {
  const tiles = Math.ceil(rows / most);
  const tall = Math.ceil(rows / tiles);
  const shorts = tiles * tall - rows;
  return { tall, talls: tiles - shorts, shorts };
}

/** A whole product of small matrices: B and the results are cut into panels of `4 · vectors` columns. */
export interface ProductBlock extends Omit<ProductTile, "rows"> {
  /** Rows of A and of the results. */
  readonly rows: number;
  /** Panels of columns. */
  readonly panels: number;
  /** Bytes from a panel of B to the next. */
  readonly bPanel: number;
  /** Bytes from a panel of results to the next. */
  readonly cPanel: number;
}

/**
 * Adds a function `(a, b, c)` that multiplies a whole block, tile by tile: each panel of B meets all rows of A while it lies in the cache.
 * @returns the function's number
 */
export function addProductBlock(module: Module, name: string, block: ProductBlock): number {
  const { rows, panels, aRow, cRow, bPanel, cPanel } = block;
  const { tall, talls, shorts } = tileHeights(rows, features().rows);
  const tallTile = addProductTile(module, `${name}.tall`, { ...block, rows: tall });
  const shortTile = shorts === 0 ? tallTile : addProductTile(module, `${name}.short`, { ...block, rows: tall - 1 });
  return module.add(name, 3, (code) => {
    const [a, b, c] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    const strip = (count: number, height: number, tile: number): void => {
      code.repeat(count, () => {
        code.get(a).get(b).get(c).call(tile);
        code.advance(a, height * aRow).advance(c, height * cRow);
      });
    };
    code.repeat(panels, () => {
      strip(talls, tall, tallTile);
      strip(shorts, tall - 1, shortTile);
      code
        .advance(a, -rows * aRow)
        .advance(b, bPanel)
        .advance(c, cPanel - rows * cRow);
    });
  });
}
