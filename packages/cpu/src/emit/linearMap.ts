import type { Code, Local } from "../assembler/code.ts";
import type { Module } from "../assembler/module.ts";

const vectorBytes = 16;

/** A small matrix of known numbers, by rows. */
export type Coefficients = readonly (readonly number[])[];

/** A loop around a {@link LinearMap}: how far input and output move per round. */
export interface MapLoop {
  /** Rounds, at least one. */
  readonly count: number;
  /** Bytes that the input moves. */
  readonly inStep: number;
  /** Bytes that the output moves. */
  readonly outStep: number;
}

/** `out[j] = Σ_k matrix[j][k] · in[k]` for many vectors of four floats. */
export interface LinearMap {
  /** The matrix: rows are outputs. */
  readonly matrix: Coefficients;
  /** Bytes from an input to the next. */
  readonly inStride: number;
  /** Bytes from an output to the next. */
  readonly outStride: number;
  /** Loops, outermost first. */
  readonly loops: readonly MapLoop[];
  /** Whether results are added to what is there. */
  readonly accumulate?: boolean;
  /** Multiply and add in one rounding (relaxed SIMD). */
  readonly fused: boolean;
}

/** Pushes `Σ_k row[k] · values[k]`; returns whether there was anything to sum. */
function pushSum(
  code: Code,
  row: readonly number[],
  values: readonly Local[],
  splats: Map<number, Local>,
  fused: boolean,
): boolean {
  let any = false;
  // Whole values first: they need no product.
  const order = [...row.keys()]
    .filter((k) => row[k] !== 0)
    .sort(
      (x, y) =>
        Number(Math.abs(row[x]) !== 1) - Number(Math.abs(row[y]) !== 1) || Number(row[x] < 0) - Number(row[y] < 0),
    );
  for (const k of order) {
    const factor = row[k];
    const splat = splats.get(factor);
    if (Math.abs(factor) === 1 || splat === undefined) {
      code.get(values[k]);
      if (any) code.op(factor > 0 ? "f32x4.add" : "f32x4.sub");
      else if (factor < 0) code.op("f32x4.neg");
    } else if (fused && any) {
      const sum = splats.get(Number.NaN);
      if (sum === undefined) throw new RangeError("no local for the sum");
      code.set(sum).get(values[k]).get(splat).get(sum).op("f32x4.relaxed_madd");
    } else {
      code.get(values[k]).get(splat).op("f32x4.mul");
      if (any) code.op("f32x4.add");
    }
    any = true;
  }
  return any;
}

/** Row `j` and a later row that differs from it only in the sign of some columns: both come from two partial sums. */
function partnerOf(matrix: Coefficients, j: number): number | undefined {
  const row = matrix[j];
  if (row.filter((x) => x !== 0).length < 2) return undefined;
  for (let other = j + 1; other < matrix.length; other++) {
    const same = row.every((x, k) => Math.abs(x) === Math.abs(matrix[other][k]));
    const differs = row.filter((x, k) => x !== matrix[other][k]).length;
    if (same && differs > 0 && differs < row.filter((x) => x !== 0).length) return other;
  }
  return undefined;
}

/** Two columns that differ only in the sign of some rows: their inputs' sum and difference serve all rows. */
function pairedColumns(matrix: Coefficients): [number, number][] {
  const columns = matrix[0].map((_, k) => matrix.map((row) => row[k]));
  const pairs: [number, number][] = [];
  const taken = new Set<number>();
  for (const [k, column] of columns.entries()) {
    if (taken.has(k) || column.filter((x) => x !== 0).length < 2) continue;
    const other = columns.findIndex(
      (found, l) =>
        l > k &&
        !taken.has(l) &&
        found.every((x, j) => Math.abs(x) === Math.abs(column[j])) &&
        found.some((x, j) => x !== column[j]),
    );
    if (other < 0) continue;
    taken.add(other);
    pairs.push([k, other]);
  }
  return pairs;
}

/** The matrix over sums (in the first column of each pair) and differences (in the second). */
function overPairs(matrix: Coefficients, pairs: readonly (readonly [number, number])[]): Coefficients {
  return matrix.map((row) => {
    const changed = [...row];
    for (const [k, l] of pairs) {
      changed[k] = row[k] === row[l] ? row[k] : 0;
      changed[l] = row[k] === row[l] ? 0 : row[k];
    }
    return changed;
  });
}

/**
 * Adds a function `(in, out)`, byte addresses, that applies a small constant matrix to vectors of four floats. Transforms of Winograd's
 * algorithm are made of it: once along the columns, once along the rows.
 * @returns the function's number
 */
export function addLinearMap(module: Module, name: string, map: LinearMap): number {
  const { inStride, outStride, fused } = map;
  const inputs = map.matrix[0].length;
  const pairs = map.matrix.some((_, j) => partnerOf(map.matrix, j) !== undefined) ? [] : pairedColumns(map.matrix);
  const matrix = overPairs(map.matrix, pairs);
  return module.add(name, 2, (code) => {
    const [source, target] = [code.parameter(0), code.parameter(1)];
    const values = code.localList("v128", inputs);
    const [plus, minus, sum] = [code.local("v128"), code.local("v128"), code.local("v128")];
    const splats = new Map<number, Local>([[Number.NaN, sum]]);
    for (const factor of new Set(matrix.flat())) {
      if (Math.abs(factor) === 1 || factor === 0) continue;
      const local = code.local("v128");
      // From memory or not, a constant in a local is not made anew in each round.
      code.floats(factor).set(local);
      splats.set(factor, local);
    }
    const finish = (j: number, value: Local): void => {
      if (map.accumulate)
        code
          .load(target, j * outStride)
          .get(value)
          .op("f32x4.add")
          .set(value);
      code.store(target, j * outStride, value);
    };
    const body = (): void => {
      for (const [k, value] of values.entries()) code.load(source, k * inStride).set(value);
      for (const [k, l] of pairs) {
        code.get(values[k]).get(values[l]).op("f32x4.sub").set(sum);
        code.get(values[k]).get(values[l]).op("f32x4.add").set(values[k]);
        code.get(sum).set(values[l]);
      }
      const done = new Set<number>();
      for (const [j, row] of matrix.entries()) {
        if (done.has(j)) continue;
        const other = pairs.length > 0 ? undefined : partnerOf(matrix, j);
        if (other === undefined) {
          if (!pushSum(code, row, values, splats, fused)) code.zeros();
          code.set(minus);
          finish(j, minus);
          continue;
        }
        const common = row.map((x, k) => (x === matrix[other][k] ? x : 0));
        const odd = row.map((x, k) => (x === matrix[other][k] ? 0 : x));
        pushSum(code, common, values, splats, fused);
        code.set(plus);
        pushSum(code, odd, values, splats, fused);
        code.set(minus);
        code.get(plus).get(minus).op("f32x4.add").set(sum);
        finish(j, sum);
        code.get(plus).get(minus).op("f32x4.sub").set(sum);
        finish(other, sum);
        done.add(other);
      }
    };
    const nest = (depth: number): { in: number; out: number } => {
      if (depth === map.loops.length) {
        body();
        return { in: 0, out: 0 };
      }
      const { count, inStep, outStep } = map.loops[depth];
      code.repeat(count, () => {
        const moved = nest(depth + 1);
        if (inStep !== moved.in) code.advance(source, inStep - moved.in);
        if (outStep !== moved.out) code.advance(target, outStep - moved.out);
      });
      return { in: count * inStep, out: count * outStep };
    };
    nest(0);
  });
}

/** A loop over `count` neighbouring vectors. */
export function neighbours(count: number): MapLoop {
  return { count, inStep: vectorBytes, outStep: vectorBytes };
}
