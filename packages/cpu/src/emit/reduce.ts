import type { Reduction } from "@squall/device";
import type { Code, Local } from "../assembler/code.ts";
import { Module } from "../assembler/module.ts";

/** How one reduction gathers vectors: sums in doubles, extremes as they are. */
interface Gatherer {
  /** Variables that hold what was gathered from one vector of floats at each place. */
  readonly parts: readonly Local[];
  /** Empties the parts. */
  clear(): void;
  /** Gathers the vector in a variable. */
  add(vector: Local): void;
}

const extremes = {
  max: { vector: "f32x4.max", single: "f32.max", empty: Number.NEGATIVE_INFINITY },
  min: { vector: "f32x4.min", single: "f32.min", empty: Number.POSITIVE_INFINITY },
} as const;

function gatherer(code: Code, reduction: Reduction): Gatherer {
  if (reduction === "sum") {
    const parts = code.localList("v128", 2);
    const [low, high] = parts;
    return {
      parts,
      clear: () => code.zeros().set(low).zeros().set(high),
      add: (vector) => {
        code.get(low).get(vector).op("f64x2.promote_low_f32x4").op("f64x2.add").set(low);
        code.get(high).get(vector).get(vector).shuffle([2, 3, 2, 3]).op("f64x2.promote_low_f32x4");
        code.op("f64x2.add").set(high);
      },
    };
  }
  const { vector: instruction, empty } = extremes[reduction];
  const [part] = code.localList("v128", 1);
  return {
    parts: [part],
    clear: () => code.get(code.constant(empty)).set(part),
    // Either instruction gives NaN if one side is NaN.
    add: (vector) => code.get(part).get(vector).op(instruction).set(part),
  };
}

/** Puts the parts of two gatherers and the floats from `at` on together; the result is a double, stored at `out`. */
function finish(code: Code, reduction: Reduction, all: readonly Local[], tail: Local, at: Local, out: Local): void {
  const total = code.local("f64");
  if (reduction === "sum") {
    const pushAll = (): void => {
      for (const [k, part] of all.entries()) {
        code.get(part);
        if (k > 0) code.op("f64x2.add");
      }
    };
    const [sum] = code.localList("v128", 1);
    pushAll();
    code.set(sum).get(sum).extractDouble(0).get(sum).extractDouble(1).op("f64.add").set(total);
    code.get(tail).if(() => {
      code.countDown(tail, () => {
        code.get(total).loadFloat(at, 0).op("f64.promote_f32").op("f64.add").set(total).advance(at, 4);
      });
    });
  } else {
    const { vector, single } = extremes[reduction];
    const best = code.local("f32");
    const [both] = code.localList("v128", 1);
    code.get(all[0]);
    for (const part of all.slice(1)) code.get(part).op(vector);
    code.set(both).get(both).extract(0);
    for (const lane of [1, 2, 3]) code.get(both).extract(lane).op(single);
    code.set(best);
    code.get(tail).if(() => {
      code.countDown(tail, () => code.get(best).loadFloat(at, 0).op(single).set(best).advance(at, 4));
    });
    code.get(best).op("f64.promote_f32").set(total);
  }
  code.storeDouble(out, 0, total);
}

/**
 * Each row of floats at `source` to one double at `target`: `run(rows, length)`, at least one row.
 */
export function emitRowReduction(reduction: Reduction, source: number, target: number): Module {
  const module = new Module();
  module.add("run", 2, (code) => {
    const [rows, length] = code.parameters;
    const [at, out, left] = code.localList("i32", 3);
    const vector = code.local("v128");
    // Two at a time, because one would wait for each addition to end before the next begins.
    const pair = [gatherer(code, reduction), gatherer(code, reduction)];
    code.number(source).set(at).number(target).set(out);
    code.countDown(rows, () => {
      for (const { clear } of pair) clear();
      code.get(length).number(3).op("i32.shr_u").tee(left);
      code.if(() => {
        code.countDown(left, () => {
          for (const [k, { add }] of pair.entries()) {
            code.load(at, 16 * k).set(vector);
            add(vector);
          }
          code.advance(at, 32);
        });
      });
      code.get(length).number(4).op("i32.and");
      code.if(() => {
        code.load(at, 0).set(vector);
        pair[0].add(vector);
        code.advance(at, 16);
      });
      code.get(length).number(3).op("i32.and").set(left);
      finish(
        code,
        reduction,
        pair.flatMap(({ parts }) => parts),
        left,
        at,
        out,
      );
      code.advance(out, 8);
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
    const { parts, add } = gatherer(code, reduction);
    code.number(source).set(start).number(target).set(out);
    code.get(length).number(3).op("i32.add").number(2).op("i32.shr_u").set(columns);
    code.countDown(columns, () => {
      for (const [k, part] of parts.entries()) code.load(out, 16 * k).set(part);
      code.get(start).set(at).get(rows).set(left);
      code.countDown(left, () => {
        code.load(at, 0).set(vector);
        add(vector);
        code.get(at).get(length).number(2).op("i32.shl").op("i32.add").set(at);
      });
      for (const [k, part] of parts.entries()) code.store(out, 16 * k, part);
      code.advance(start, 16).advance(out, 16 * parts.length);
    });
  });
  return module;
}
