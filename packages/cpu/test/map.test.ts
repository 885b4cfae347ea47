import {
  type BinaryFunction,
  broadcastStrides,
  type Expression,
  expressions,
  type FloatArray,
  functions,
  sizeOf,
  type UnaryFunction,
} from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { features } from "../src/features.ts";
import { cpu } from "../src/index.ts";
import { by, dot, dtype, indices, numbers, seed, takePath, values } from "./samples.ts";

const { map, update } = cpu.kernels;
const { add, binary, input, mul, scalar, select, sub, unary } = expressions;

const unaries: Record<UnaryFunction, (x: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  floor: Math.floor,
  ceil: Math.ceil,
  round: (x) => {
    const below = Math.floor(x);
    const up = x - below === 0.5 ? below % 2 !== 0 : x - below > 0.5;
    // A result of 0 keeps the sign, which a division may show.
    return (up ? below + 1 : below) || 0 * x;
  },
};

const binaries: Record<BinaryFunction, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  max: Math.max,
  min: Math.min,
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
};

/** @param round - applied to every number and result on the way */
function evaluate(
  e: Expression,
  inputs: readonly number[],
  scalars: readonly number[],
  round: (x: number) => number = (x) => x,
): number {
  const at = (operand: Expression): number => evaluate(operand, inputs, scalars, round);
  switch (e.kind) {
    case "input":
      return inputs[e.index];
    case "scalar":
      return round(scalars[e.index]);
    case "constant":
      return round(e.value);
    case "unary":
      return round(unaries[e.fn](at(e.operand)));
    case "binary":
      return round(binaries[e.fn](at(e.left), at(e.right)));
    case "select":
      return at(e.condition) !== 0 ? at(e.whenTrue) : at(e.whenFalse);
  }
}

const inputCount = 3;
const scalarCount = 2;

const unaryNames = Object.keys(unaries) as UnaryFunction[];
const binaryNames = Object.keys(binaries) as BinaryFunction[];

/** Trees over three inputs, two scalars and constants. */
function trees(
  someUnaries: readonly UnaryFunction[],
  someBinaries: readonly BinaryFunction[],
): fc.Arbitrary<Expression> {
  return fc.letrec<{ tree: Expression; leaf: Expression }>((tie) => ({
    leaf: fc.oneof(
      fc.nat(inputCount - 1).map(input),
      fc.nat(scalarCount - 1).map(scalar),
      fc
        .constantFrom(0, -0, 0.5, 1, 2, -3, Number.NaN, Number.POSITIVE_INFINITY)
        .map((value): Expression => ({ kind: "constant", value })),
    ),
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      tie("leaf"),
      fc.tuple(fc.constantFrom(...someUnaries), tie("tree")).map(([fn, a]) => unary(fn, a)),
      fc.tuple(fc.constantFrom(...someBinaries), tie("tree"), tie("tree")).map(([fn, a, b]) => binary(fn, a, b)),
      // A shared operand, which is to be computed once.
      fc.tuple(fc.constantFrom("mul", "sub", "max"), tie("tree")).map(([fn, a]) => binary(fn as BinaryFunction, a, a)),
      fc.tuple(tie("tree"), tie("tree"), tie("tree")).map(([c, a, b]) => select(c, a, b)),
    ),
  })).tree;
}

const tree = trees(unaryNames, binaryNames);

/** Trees of which every step is one correctly rounded operation. */
const exactTree = trees(
  ["neg", "abs", "sign", "sqrt", "floor", "ceil", "round"],
  binaryNames.filter((name) => name !== "pow"),
);

/** A result shape and, for each of three inputs, which axes it repeats or lacks altogether. */
const broadcast = fc
  .array(fc.nat(5), { maxLength: 4 })
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.array(fc.tuple(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.nat(4)), {
        minLength: inputCount,
        maxLength: inputCount,
      }),
    ),
  )
  .map(([shape, inputs]) => ({
    shape,
    from: inputs.map(([repeated, lacking]) => shape.map((n, axis) => (repeated[axis] ? 1 : n)).slice(lacking)),
  }));

const scalarValues = fc.array(fc.constantFrom(0, 1, -1.5, 0.25, 3), { minLength: scalarCount, maxLength: scalarCount });

const edges = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5, 1.5, -2.5, 1e300, 1e-300];

/** Numbers with a sprinkling of edge cases. */
function mixed(type: "float32" | "float64", length: number, start: number): FloatArray {
  const data = numbers(type, length, start);
  for (let i = start % 3; i < length; i += 5) data[i] = edges[(i + start) % edges.length];
  return data;
}

/** @param relative - the largest error, as part of the value */
function expectSame(got: FloatArray, want: FloatArray, relative = got instanceof Float32Array ? 2e-7 : 1e-14): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < got.length; i++) {
    // The sign of a zero is not promised, and compiled code may round pow differently in the last place.
    const bound = relative * Math.abs(want[i]);
    if (got[i] === want[i] || Object.is(got[i], want[i]) || Math.abs(got[i] - want[i]) <= bound) continue;
    expect.fail(`element ${i}: got ${got[i]}, want ${want[i]}`);
  }
}

describe("the loops", () => {
  takePath("loops");

  it("agree with the recursive evaluation of generated expressions over broadcast inputs", () => {
    fc.assert(
      fc.property(dtype, tree, broadcast, scalarValues, seed, (type, e, { shape, from }, scalars, start) => {
        const arrays = from.map((own, k) => mixed(type, sizeOf(own), start + k));
        const strides = from.map((own) => broadcastStrides(own, shape));
        const want =
          arrays[0] instanceof Float32Array ? new Float32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
        let at = 0;
        for (const index of indices(shape)) {
          const read = arrays.map((data, k) => data[dot(index, strides[k])]);
          want[at++] = evaluate(e, read, scalars);
        }
        const storages = arrays.map((data) => cpu.upload(data));
        expectSame(values(map({ shape, strides }, e, storages, scalars)), want);
      }),
      { numRuns: 500 },
    );
  });

  it("give every expression the old values, in place, across blocks", () => {
    fc.assert(
      fc.property(
        dtype,
        fc.nat(1500),
        tree,
        tree,
        scalarValues,
        seed,
        (type, length, first, second, scalars, start) => {
          const arrays = [0, 1, 2].map((k) => mixed(type, length, start + k));
          const [a, b, c] = arrays.map((data) => cpu.upload(data));
          const want = [arrays[0].slice(), arrays[1].slice()];
          for (let i = 0; i < length; i++) {
            const old = arrays.map((data) => data[i]);
            want[0][i] = evaluate(first, old, scalars);
            want[1][i] = evaluate(second, old, scalars);
          }
          update([first, second], [a, b], [c], scalars);
          expectSame(values(a), want[0]);
          expectSame(values(b), want[1]);
          expect(values(c)).toEqual(arrays[2]);
          expect([a.version, b.version, c.version]).toEqual([1, 1, 0]);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe.runIf(features().simd)("vectors", () => {
  takePath("auto");

  it("agree to the last bit with an evaluation in float32, over broadcast inputs and across blocks", () => {
    fc.assert(
      fc.property(
        exactTree,
        broadcast,
        fc.constantFrom(1, 1, 900),
        scalarValues,
        seed,
        (e, { shape, from }, longer, scalars, start) => {
          const whole = shape.length === 0 ? shape : [...shape.slice(0, -1), (shape.at(-1) ?? 1) * longer];
          const own = from.map((some) =>
            some.length === 0 || some.at(-1) === 1 ? some : [...some.slice(0, -1), (some.at(-1) ?? 1) * longer],
          );
          const arrays = own.map((some, k) => mixed("float32", sizeOf(some), start + k));
          const strides = own.map((some) => broadcastStrides(some, whole));
          const want = new Float32Array(sizeOf(whole));
          let at = 0;
          for (const index of indices(whole)) {
            const read = arrays.map((data, k) => data[dot(index, strides[k])]);
            want[at++] = evaluate(e, read, scalars, Math.fround);
          }
          const storages = arrays.map((data) => cpu.upload(data));
          expectSame(values(map({ shape: whole, strides }, e, storages, scalars)), want, 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("give every expression the old values, in place, across blocks", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(40), fc.nat(9000)),
        exactTree,
        exactTree,
        scalarValues,
        seed,
        (length, first, second, scalars, start) => {
          const arrays = [0, 1, 2].map((k) => mixed("float32", length, start + k));
          const [a, b, c] = arrays.map((data) => cpu.upload(data));
          const want = [arrays[0].slice(), arrays[1].slice()];
          for (let i = 0; i < length; i++) {
            const old = arrays.map((data) => data[i]);
            want[0][i] = evaluate(first, old, scalars, Math.fround);
            want[1][i] = evaluate(second, old, scalars, Math.fround);
          }
          update([first, second], [a, b], [c], scalars);
          expectSame(values(a), want[0], 0);
          expectSame(values(b), want[1], 0);
          expect(values(c)).toEqual(arrays[2]);
          expect([a.version, b.version, c.version]).toEqual([1, 1, 0]);
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each(Object.entries(functions))("agree with the loops to a few roundings: %s", (_, { value, arity }) => {
    const shape = [3, 1777];
    // Exact in float32, so that sums near 0 are, too.
    const scalars = [0.3125, 1.75];
    const arrays = Array.from({ length: arity }, (_, k) => numbers("float32", 3 * 1777, 7 + k));
    const run = (): FloatArray =>
      values(
        map(
          { shape, strides: arrays.map(() => [1777, 1]) },
          value,
          arrays.map((data) => cpu.upload(data)),
          scalars,
        ),
      );
    expectSame(run(), by("loops", run), 5e-7);
  });

  it("give way to the loops where they have no form of a function", () => {
    const x = cpu.upload(Float32Array.of(1e6, 2));
    const got = values(map({ shape: [2], strides: [[1]] }, unary("sin", binary("pow", input(0), 3)), [x], []));
    expect(got).toEqual(Float32Array.of(Math.sin(1e18), Math.sin(8)));
  });
});

describe("map", () => {
  it("agrees across many blocks, contiguous, repeated and transposed", () => {
    const shape = [37, 91];
    const [a, b, c] = [numbers("float32", 37 * 91, 1), numbers("float32", 91, 2), numbers("float32", 37 * 91, 3)];
    const e = add(mul(input(0), input(1)), input(2));
    const strides = [
      [91, 1],
      [0, 1],
      [1, 37],
    ];
    const got = map({ shape, strides }, e, [cpu.upload(a), cpu.upload(b), cpu.upload(c)], []);
    const want = new Float32Array(37 * 91);
    for (let i = 0; i < 37; i++) {
      for (let j = 0; j < 91; j++) want[i * 91 + j] = a[i * 91 + j] * b[j] + c[i + 37 * j];
    }
    expect(values(got)).toEqual(want);
  });

  it("rounds halves to even", () => {
    const x = cpu.upload(Float64Array.of(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994, 2251799813685249.5));
    const got = values(map({ shape: [8], strides: [[1]] }, functions.round.value, [x], []));
    expect([...got].map((n) => n + 0)).toEqual([-2, -2, 0, 0, 2, 2, 0, 2251799813685250]);
  });

  it("keeps sigmoid between 0 and 1 at the far ends", () => {
    const x = cpu.upload(Float64Array.of(-1e4, -800, 0, 800, 1e4));
    expect(values(map({ shape: [5], strides: [[1]] }, functions.sigmoid.value, [x], []))).toEqual(
      Float64Array.of(0, 0, 0.5, 1, 1),
    );
  });

  it("lets a NaN condition take the first side, and the other side never matter", () => {
    const x = cpu.upload(Float32Array.of(Number.NaN, 0, 2));
    const e = select(input(0), 1, unary("log", -1));
    expect(values(map({ shape: [3], strides: [[1]] }, e, [x], []))).toEqual(Float32Array.of(1, Number.NaN, 1));
  });

  it("takes new scalars at every call of one expression", () => {
    const x = cpu.upload(Float32Array.of(1, 2));
    const e = functions.addScalar.value;
    const call = (s: number): FloatArray => values(map({ shape: [2], strides: [[1]] }, e, [x], [s]));
    expect(call(1)).toEqual(Float32Array.of(2, 3));
    expect(call(5)).toEqual(Float32Array.of(6, 7));
  });
});

describe("update", () => {
  it("swaps", () => {
    const [a, b] = [cpu.upload(Float32Array.of(1, 2)), cpu.upload(Float32Array.of(3, 4))];
    update([input(1), input(0)], [a, b], [], []);
    expect([values(a), values(b)]).toEqual([Float32Array.of(3, 4), Float32Array.of(1, 2)]);
  });

  it("tells apart calls that share their first expression", () => {
    const step = sub(input(0), input(1));
    const [a, b] = [cpu.upload(Float32Array.of(5)), cpu.upload(Float32Array.of(2))];
    update([step], [a], [b], []);
    update([step, mul(input(1), 10)], [a, b], [], []);
    expect([values(a)[0], values(b)[0]]).toEqual([1, 20]);
  });
});
