// Emitted vector functions against double precision, over the whole range of float32.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Module } from "../src/assembler/module.ts";
import { VectorMath } from "../src/emit/functions.ts";
import { features } from "../src/features.ts";

type Name = "exp" | "expm1" | "sigmoid" | "tanh" | "log" | "log1p" | "sign";

/** Name, true value, the bound in units of the last place, and below which size the result may be 0. */
const rows: readonly (readonly [Name, (x: number) => number, number, number])[] = [
  ["exp", Math.exp, 1.1, 0],
  ["expm1", Math.expm1, 2, 0],
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), 2.5, 2 ** -126],
  ["tanh", Math.tanh, 2.6, 0],
  ["log", Math.log, 1.1, 0],
  ["log1p", Math.log1p, 2, 0],
  ["sign", Math.sign, 0, 0],
];

const roundings = [false, ...(features().fused ? [true] : [])];

/** The function over an array whose length is a multiple of four. */
function compile(name: Name, fused: boolean): (x: Float32Array) => Float32Array {
  const module = new Module();
  module.add("run", 3, (code) => {
    const [from, to, count] = code.parameters;
    const math = new VectorMath(code, fused);
    const [x, y] = code.localList("v128", 2);
    code.countDown(count, () => {
      code.load(from, 0).set(x);
      math[name](x);
      code.set(y).store(to, 0, y).advance(from, 16).advance(to, 16);
    });
  });
  const memory = new WebAssembly.Memory({ initial: 64 });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes(false)), { env: { memory } }).exports;
  if (typeof run !== "function") throw new TypeError("no function");
  return (x) => {
    new Float32Array(memory.buffer).set(x);
    run(0, 4 * x.length, x.length / 4);
    return new Float32Array(memory.buffer, 4 * x.length, x.length).slice();
  };
}

/** Distance between neighbouring floats at the size of `value`. */
function lastPlace(value: number): number {
  return 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(value)))) - 23);
}

const largest = 3.4028234663852886e38;

/** How far from the true value, in units of its last place. */
function distance(got: number, want: number, flush: number): number {
  const rounded = Math.fround(want);
  if (Object.is(got, rounded) || got === rounded) return 0;
  if (Number.isNaN(want) || !Number.isFinite(want) || Number.isNaN(got)) return Number.POSITIVE_INFINITY;
  if (!Number.isFinite(got)) return Math.abs(want) > largest * (1 - 2 ** -22) ? 1 : Number.POSITIVE_INFINITY;
  if (Math.abs(want) < flush && Math.abs(got) < 2 * flush) return 0;
  return Math.abs(got - want) / lastPlace(want);
}

function expectWithin(x: Float32Array, got: Float32Array, exact: (x: number) => number, bound: number, flush: number) {
  let [worst, at] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const error = distance(got[i], exact(x[i]), flush);
    if (error > worst) [worst, at] = [error, x[i]];
  }
  if (worst > bound) expect.fail(`${worst} units of the last place from ${exact(at)} at ${at}`);
}

/** Floats of every size and sign: every 2^15th bit pattern from a start, infinities, NaN and denormal numbers among them. */
function everySize(start: number): Float32Array {
  const bits = new Int32Array(1 << 17);
  for (let i = 0; i < bits.length; i++) bits[i] = (i << 15) + start;
  return new Float32Array(bits.buffer);
}

describe.each(rows)("%s", (name, exact, bound, flush) => {
  describe.each(roundings)("with fused multiply-add: %s", (fused) => {
    const run = compile(name, fused);

    it("is right at the edges", () => {
      const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
      const x = Float32Array.of(0, -0, nan, infinity, -infinity, 1, -1, 89, -104, 88.7, -87.4, 2 ** -149);
      expectWithin(x, run(x), exact, bound, flush);
    });

    it(`stays within ${bound} units of the last place everywhere`, () => {
      for (const start of [0, 1, 0x7fff, 0x1234]) {
        const x = everySize(start);
        expectWithin(x, run(x), exact, bound, flush);
      }
    });

    it("does so between -110 and 110, densely", () => {
      fc.assert(
        fc.property(fc.double({ min: 0.001, max: 110, noNaN: true }), (width) => {
          const x = Float32Array.from({ length: 4096 }, (_, i) => (i / 2048 - 1) * width);
          expectWithin(x, run(x), exact, bound, flush);
        }),
        { numRuns: 100 },
      );
    });
  });
});
