import {
  type BinaryFunction,
  type Device,
  type Expression,
  expressions as e,
  type UnaryFunction,
} from "@squall/device";
import { type ConformanceCase, expectStorage, perDType, upload } from "./case.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minusInfinity } = Number;

const unaryEdges: readonly (readonly [UnaryFunction, readonly number[], readonly number[]])[] = [
  ["neg", [0, 1, infinity, nan], [0, -1, minusInfinity, nan]],
  ["abs", [-2, 0, minusInfinity, nan], [2, 0, infinity, nan]],
  ["sign", [-2, 0, 3, minusInfinity, infinity], [-1, 0, 1, -1, 1]],
  ["floor", [-1.5, 1.5, -2, infinity, nan], [-2, 1, -2, infinity, nan]],
  ["ceil", [-1.5, 1.5, 2, minusInfinity, nan], [-1, 2, 2, minusInfinity, nan]],
  ["round", [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, nan], [0, 2, 2, 0, -2, 2, nan]],
  ["exp", [minusInfinity, 0, infinity, nan], [0, 1, infinity, nan]],
  ["log", [0, 1, infinity, -1, nan], [minusInfinity, 0, infinity, nan, nan]],
  ["sqrt", [0, 4, infinity, -1, nan], [0, 2, infinity, nan, nan]],
  ["tanh", [minusInfinity, -1e4, 0, 1e4, infinity, nan], [-1, -1, 0, 1, 1, nan]],
  ["sigmoid", [minusInfinity, -1e4, 0, 1e4, infinity, nan], [0, 0, 0.5, 1, 1, nan]],
  ["expm1", [minusInfinity, 0, infinity, nan], [-1, 0, infinity, nan]],
  ["log1p", [-1, 0, infinity, nan], [minusInfinity, 0, infinity, nan]],
];

const binaryEdges: readonly (readonly [BinaryFunction, readonly number[], readonly number[], readonly number[]])[] = [
  ["max", [1, nan, 1, minusInfinity], [2, 1, nan, 0], [2, nan, nan, 0]],
  ["min", [1, nan, 1, infinity], [2, 1, nan, 0], [1, nan, nan, 0]],
  ["lt", [1, 2, 1, nan, 1], [2, 1, 1, 1, nan], [1, 0, 0, 0, 0]],
  ["le", [1, 2, 1, nan, 1], [2, 1, 1, 1, nan], [1, 0, 1, 0, 0]],
  ["gt", [1, 2, 1, nan, 1], [2, 1, 1, 1, nan], [0, 1, 0, 0, 0]],
  ["ge", [1, 2, 1, nan, 1], [2, 1, 1, 1, nan], [0, 1, 1, 0, 0]],
  ["eq", [1, 1, nan, infinity], [1, 2, nan, infinity], [1, 0, 0, 1]],
  ["ne", [1, 1, nan, infinity], [1, 2, nan, infinity], [0, 1, 1, 0]],
  ["div", [1, -1, 0, 1], [0, 0, 0, infinity], [infinity, minusInfinity, nan, 0]],
  ["mul", [0, 2, nan], [infinity, infinity, 0], [nan, infinity, nan]],
  ["sub", [infinity, 1], [infinity, nan], [nan, nan]],
  ["pow", [2, -2, 0, 0, -2, 4], [3, 3, 0, 2, 0.5, -1], [8, -8, 1, 0, nan, 0.25]],
];

/** A case of one elementwise expression at chosen values. Approximated functions may be off by a few roundings, so results are compared closely, not to the bit. */
function mapCase(
  device: Device,
  name: string,
  expression: Expression,
  inputs: readonly (readonly number[])[],
  want: readonly number[],
  scalars: readonly number[] = [],
): ConformanceCase[] {
  return perDType(device, name, async (dtype, what) => {
    const storages = inputs.map((values) => upload(device, dtype, values));
    const geometry = { shape: [want.length], strides: inputs.map(() => [1]) };
    const result = device.kernels.map(geometry, expression, storages, scalars);
    await expectStorage(what, result, want, { atol: 1e-6, rtol: 1e-6 });
  });
}

/** Elementwise kernels and reductions where numbers are special: NaN, infinities, ties, nothing at all. */
export function numberCases(device: Device): ConformanceCase[] {
  const { kernels } = device;
  return [
    ...unaryEdges.flatMap(([fn, values, want]) =>
      mapCase(device, `map ${fn} at its edges`, e.unary(fn, e.input(0)), [values], want),
    ),
    ...binaryEdges.flatMap(([fn, left, right, want]) =>
      mapCase(device, `map ${fn} at its edges`, e.binary(fn, e.input(0), e.input(1)), [left, right], want),
    ),
    ...mapCase(
      device,
      "map select lets the side not taken not matter",
      e.select(e.input(0), e.input(1), e.input(2)),
      [
        [1, 0, nan, -2],
        [5, nan, 6, 7],
        [nan, 8, nan, infinity],
      ],
      [5, 8, 6, 7],
    ),
    ...mapCase(
      device,
      "map takes several scalars",
      e.sub(e.mul(e.input(0), e.scalar(1)), e.scalar(0)),
      [[1, 2]],
      [2, 7],
      [3, 5],
    ),
    ...mapCase(device, "map of constants alone", e.add(e.mul(e.input(0), 0), 4), [[1, 2]], [4, 4]),
    ...perDType(device, "map broadcasts by strides of 0, in scalars and in nothing", async (dtype, what) => {
      const [column, row] = [upload(device, dtype, [1, 2]), upload(device, dtype, [10, 20, 30])];
      const sum = e.add(e.input(0), e.input(1));
      const strides = [
        [1, 0],
        [0, 1],
      ];
      const table = kernels.map({ shape: [2, 3], strides }, sum, [column, row], []);
      await expectStorage(what, table, [11, 21, 31, 12, 22, 32]);
      const one = upload(device, dtype, [5]);
      await expectStorage(`${what}, scalar`, kernels.map({ shape: [], strides: [[], []] }, sum, [one, one], []), [10]);
      await expectStorage(`${what}, nothing`, kernels.map({ shape: [0, 3], strides }, sum, [column, row], []), []);
      await expectStorage(`${what}, operand`, column, [1, 2]);
    }),
    ...perDType(device, "reduce of nothing gives 0, -Infinity, Infinity", async (dtype, what) => {
      const empty = upload(device, dtype, []);
      const geometry = { shape: [2, 0], reduced: [false, true] };
      await expectStorage(`${what}, sum`, kernels.reduce(geometry, "sum", empty), [0, 0]);
      await expectStorage(`${what}, max`, kernels.reduce(geometry, "max", empty), [minusInfinity, minusInfinity]);
      await expectStorage(`${what}, min`, kernels.reduce(geometry, "min", empty), [infinity, infinity]);
      await expectStorage(what, kernels.reduce({ shape: [0, 2], reduced: [false, true] }, "sum", empty), []);
    }),
    ...perDType(device, "reduce lets NaN win wherever it stands", async (dtype, what) => {
      const table = upload(device, dtype, [nan, 1, 2, 3, nan, 4, 5, 6, nan, 7, 8, 9]);
      const geometry = { shape: [4, 3], reduced: [false, true] };
      for (const reduction of ["sum", "max", "min"] as const) {
        const last = { sum: 24, max: 9, min: 7 }[reduction];
        await expectStorage(`${what}, ${reduction}`, kernels.reduce(geometry, reduction, table), [nan, nan, nan, last]);
      }
    }),
    ...perDType(device, "reduce over any axes, none, and of a scalar", async (dtype, what) => {
      const cube = upload(device, dtype, [1, 2, 3, 4, 5, 6, 7, 8]);
      const sum = (reduced: boolean[]): ReturnType<typeof kernels.reduce> =>
        kernels.reduce({ shape: [2, 2, 2], reduced }, "sum", cube);
      await expectStorage(`${what}, outer`, sum([true, false, false]), [6, 8, 10, 12]);
      await expectStorage(`${what}, middle`, sum([false, true, false]), [4, 6, 12, 14]);
      await expectStorage(`${what}, inner`, sum([false, false, true]), [3, 7, 11, 15]);
      await expectStorage(`${what}, both ends`, sum([true, false, true]), [14, 22]);
      await expectStorage(`${what}, all`, sum([true, true, true]), [36]);
      await expectStorage(`${what}, none`, sum([false, false, false]), [1, 2, 3, 4, 5, 6, 7, 8]);
      const scalar = upload(device, dtype, [-3]);
      await expectStorage(`${what}, scalar`, kernels.reduce({ shape: [], reduced: [] }, "max", scalar), [-3]);
      const negative = upload(device, dtype, [-3, -5]);
      await expectStorage(what, kernels.reduce({ shape: [2], reduced: [true] }, "max", negative), [-3]);
    }),
    ...perDType(device, "reduce sums long rows at least as well as one by one", async (dtype, what) => {
      const ones = kernels.fill(dtype, 100_000, 0.1);
      const total = kernels.reduce({ shape: [100_000], reduced: [true] }, "sum", ones);
      await expectStorage(what, total, [10_000], { atol: 0, rtol: dtype === "float32" ? 2e-4 : 1e-10 });
    }),
  ];
}
