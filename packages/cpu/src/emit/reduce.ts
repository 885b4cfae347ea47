import type { Reduction } from "@squall/device";
import type { Code, Local } from "../assembler/code.ts";
import { Module } from "../assembler/module.ts";

const extremes = {
  max: { propagating: "f32x4.max", plain: "f32x4.pmax", single: "f32.max", empty: Number.NEGATIVE_INFINITY },
  min: { propagating: "f32x4.min", plain: "f32x4.pmin", single: "f32.min", empty: Number.POSITIVE_INFINITY },
} as const;

/** `low += ` the first two floats of a vector, `high += ` the other two. */
function addDoubles(code: Code, low: Local, high: Local, vector: Local): void {
  code.get(low).get(vector).op("f64x2.promote_low_f32x4").op("f64x2.add").set(low);
  code.get(high).get(vector).get(vector).shuffle([2, 3, 2, 3]).op("f64x2.promote_low_f32x4");
  code.op("f64x2.add").set(high);
}

/** How a row becomes a number. Two vectors are gathered at a time, because one would wait for each operation to end before the next. */
interface RowGatherer {
  /** Begins a row. */
  clear(): void;
  /** Gathers the vector in a variable. @param side - 0 or 1 */
  add(vector: Local, side: number): void;
  /** Pushes what was gathered and the next `tail` floats from `at` on together, as a double. */
  finish(tail: Local, at: Local): void;
}

function rowSum(code: Code): RowGatherer {
  const parts = code.localList("v128", 4);
  const sum = code.local("v128");
  const total = code.local("f64");
  return {
    clear: () => {
      for (const part of parts) code.zeros().set(part);
    },
    add: (vector, side) => addDoubles(code, parts[2 * side], parts[2 * side + 1], vector),
    finish: (tail, at) => {
      code.get(parts[0]);
      for (const part of parts.slice(1)) code.get(part).op("f64x2.add");
      code.set(sum).get(sum).extractDouble(0).get(sum).extractDouble(1).op("f64.add").set(total);
      code.get(tail).if(() => {
        code.countDown(tail, () => {
          code.get(total).loadFloat(at, 0).op("f64.promote_f32").op("f64.add").set(total).advance(at, 4);
        });
      });
      code.get(total);
    },
  };
}

/** The quick instruction loses NaN, so whether there was one is gathered beside it. */
function rowExtreme(code: Code, reduction: "max" | "min"): RowGatherer {
  const { plain, single, empty } = extremes[reduction];
  const bests = code.localList("v128", 2);
  const strange = code.local("v128");
  const [best, other] = code.localList("f32", 2);
  return {
    clear: () => {
      for (const part of bests) code.get(code.constant(empty)).set(part);
      code.zeros().set(strange);
    },
    add: (vector, side) => {
      code.get(bests[side]).get(vector).op(plain).set(bests[side]);
      code.get(strange).get(vector).get(vector).op("f32x4.ne").op("v128.or").set(strange);
    },
    finish: (tail, at) => {
      const [both] = bests;
      code.get(both).get(bests[1]).op(plain).set(both);
      code.get(both).get(both).get(both).shuffle([2, 3, 0, 1]).op(plain).set(both);
      code.get(both).extract(0).set(best).get(both).extract(1).set(other);
      code.float(Number.NaN).get(best).get(other).op(single).get(strange).op("v128.any_true").op("select").set(best);
      code.get(tail).if(() => {
        code.countDown(tail, () => code.get(best).loadFloat(at, 0).op(single).set(best).advance(at, 4));
      });
      code.get(best).op("f64.promote_f32");
    },
  };
}

/** Each row of floats at `source` to one double at `target`: `run(rows, length)`, at least one row. */
export function emitRowReduction(reduction: Reduction, source: number, target: number): Module {
  const module = new Module();
  module.add("run", 2, (code) => {
    const [rows, length] = code.parameters;
    const [at, out, left] = code.localList("i32", 3);
    const vector = code.local("v128");
    const result = code.local("f64");
    const { clear, add, finish } = reduction === "sum" ? rowSum(code) : rowExtreme(code, reduction);
    code.number(source).set(at).number(target).set(out);
    code.countDown(rows, () => {
      clear();
      code.get(length).number(3).op("i32.shr_u").tee(left);
      code.if(() => {
        code.countDown(left, () => {
          for (const side of [0, 1]) {
            code.load(at, 16 * side).set(vector);
            add(vector, side);
          }
          code.advance(at, 32);
        });
      });
      code.get(length).number(4).op("i32.and");
      code.if(() => {
        code.load(at, 0).set(vector);
        add(vector, 0);
        code.advance(at, 16);
      });
      code.get(length).number(3).op("i32.and").set(left);
      finish(left, at);
      code.set(result).storeDouble(out, 0, result).advance(out, 8);
    });
  });
  return module;
}

/**
 * Rows of floats at `source`, each element onto what was gathered for its column at `target`, which are doubles for sums and floats for
 * extremes: `run(rows, length)`, at least one row. Reads and writes up to three columns more than there are.
 */
export function emitColumnReduction(reduction: Reduction, source: number, target: number): Module {
  const module = new Module();
  module.add("run", 2, (code) => {
    const [rows, length] = code.parameters;
    const [at, out, left, columns, start] = code.localList("i32", 5);
    const vector = code.local("v128");
    const parts = code.localList("v128", reduction === "sum" ? 2 : 1);
    code.number(source).set(start).number(target).set(out);
    code.get(length).number(3).op("i32.add").number(2).op("i32.shr_u").set(columns);
    code.countDown(columns, () => {
      for (const [k, part] of parts.entries()) code.load(out, 16 * k).set(part);
      code.get(start).set(at).get(rows).set(left);
      code.countDown(left, () => {
        code.load(at, 0).set(vector);
        if (reduction === "sum") addDoubles(code, parts[0], parts[1], vector);
        else code.get(parts[0]).get(vector).op(extremes[reduction].propagating).set(parts[0]);
        code.get(at).get(length).number(2).op("i32.shl").op("i32.add").set(at);
      });
      for (const [k, part] of parts.entries()) code.store(out, 16 * k, part);
      code.advance(start, 16).advance(out, 16 * parts.length);
    });
  });
  return module;
}
