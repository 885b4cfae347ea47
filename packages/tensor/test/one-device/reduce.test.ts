import * as ops from "@squall/tensor";
import { type Dims, type Tensor, tensor } from "@squall/tensor";
import { reductionAxes, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at, build, expectTensor, indices, type Nd, nd } from "../reference.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minusInfinity } = Number;

/** Applies `fn` to the elements that each element of the result stands for, as NumPy's `fn(x, axis, keepdims)`. */
function reference(x: Nd, dim: Dims, keepdim: boolean, fn: (values: number[]) => number): Nd {
  const rank = x.shape.length;
  const dims = dim === undefined ? x.shape.map((_, axis) => axis) : [dim].flat().map((d) => (d + rank) % rank);
  const kept = x.shape.map((n, axis) => (dims.includes(axis) ? 1 : n));
  const reduced = x.shape.map((n, axis) => (dims.includes(axis) ? n : 1));
  const full = build(kept, (index) =>
    fn(
      [...indices(reduced)].map((inner) =>
        at(
          x,
          index.map((i, axis) => (dims.includes(axis) ? inner[axis] : i)),
        ),
      ),
    ),
  );
  return keepdim ? full : { ...full, shape: x.shape.filter((_, axis) => !dims.includes(axis)) };
}

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const average = (values: number[]): number => total(values) / values.length;
const spread =
  (correction: number) =>
  (values: number[]): number =>
    total(values.map((value) => (value - average(values)) ** 2)) / Math.max(0, values.length - correction);

type Reduction = (x: Tensor, dim?: Dims, keepdim?: boolean) => Tensor;
const reductions: readonly (readonly [string, Reduction, (values: number[]) => number, number])[] = [
  ["sum", ops.sum, total, 0],
  ["mean", ops.mean, average, 0],
  ["max", ops.max, (values) => Math.max(...values), 1],
  ["min", ops.min, (values) => Math.min(...values), 1],
  ["variance", (x, dim, keepdim = false) => ops.variance(x, dim, { keepdim }), spread(1), 0],
  ["variance without correction", (x, dim, keepdim = false) => x.var(dim, { keepdim, correction: 0 }), spread(0), 0],
  ["logsumexp", ops.logsumexp, (values) => Math.log(total(values.map(Math.exp))), 1],
];

describe.each(reductions)("%s", (_, fn, of, minSize) => {
  it("reduces any axes", () => {
    const cases = shapes({ minSize, maxRank: 4, maxSize: 3 }).chain((shape) =>
      fc.tuple(tensors(shape), reductionAxes(shape.length), fc.boolean()),
    );
    fc.assert(
      fc.property(cases, ([x, dim, keepdim]) => {
        expectTensor(fn(x, dim, keepdim), reference(nd(x), dim, keepdim, of));
      }),
      { numRuns: 80 },
    );
  });

  it("keeps no axes unless asked, and takes a scalar", () => {
    expect(fn(tensor([[1, 2, 4]]), 1).shape).toEqual([1]);
    expect(fn(tensor(3)).shape).toEqual([]);
  });
});

describe("of nothing", () => {
  it("the sum is 0 and the mean is NaN", () => {
    expect(ops.sum(tensor([])).itemSync()).toBe(0);
    expect(ops.mean(tensor([])).itemSync()).toBeNaN();
    expect(ops.sum(ops.zeros([2, 0]), 1).toArray()).toEqual([0, 0]);
  });

  it("an empty list of axes changes nothing", () => {
    expect(ops.sum(tensor([[1, 2]]), []).toArray()).toEqual([[1, 2]]);
    expect(ops.max(tensor([[1, 2]]), []).toArray()).toEqual([[1, 2]]);
  });

  it("the variance of one element is NaN, as PyTorch says", () => {
    expect(ops.variance(tensor([3])).itemSync()).toBeNaN();
    expect(ops.variance(tensor([3]), undefined, { correction: 0 }).itemSync()).toBe(0);
  });
});

it("NaN wins in max and min", () => {
  expect(tensor([1, nan, 3]).max().itemSync()).toBeNaN();
  expect(tensor([1, nan, 3]).min().itemSync()).toBeNaN();
});

describe("argmax", () => {
  const few = shapes({ minRank: 1 }).chain((shape) =>
    // Ties, NaN and infinities among them.
    fc.tuple(
      fc.constant(shape),
      fc.array(fc.constantFrom(-1, 0, 1, 2, nan, infinity, minusInfinity), {
        minLength: shape.reduce((n, k) => n * k, 1),
        maxLength: shape.reduce((n, k) => n * k, 1),
      }),
      fc.option(fc.integer({ min: -shape.length, max: shape.length - 1 }), { nil: undefined }),
      fc.boolean(),
    ),
  );
  const first = (values: number[]): number => {
    const broken = values.findIndex(Number.isNaN);
    return broken >= 0 ? broken : values.indexOf(Math.max(...values));
  };

  it("is the place of the first largest, or of the first NaN", () => {
    fc.assert(
      fc.property(few, ([shape, values, dim, keepdim]) => {
        for (const dtype of ["float32", "float64"] as const) {
          const x = tensor(values, { dtype, shape: [...shape], requiresGrad: true });
          const got = ops.argmax(x, dim, keepdim);
          expect([got.dtype, got.requiresGrad]).toEqual([dtype, false]);
          expectTensor(got, reference({ shape: [...shape], data: values }, dim, keepdim, first));
        }
      }),
    );
  });

  it("takes a scalar, and gives the class of logits", () => {
    expect(tensor(3).argmax().toArray()).toBe(0);
    expect(
      tensor([
        [1, 3, 2],
        [0, -1, -2],
      ])
        .argmax(1)
        .toArray(),
    ).toEqual([1, 0]);
  });
});

it("elements that share the maximum share its gradient", () => {
  const x = tensor([3, 1, 3, 3], { dtype: "float64", requiresGrad: true });
  x.max().backward();
  expect(x.grad?.toArray()).toEqual([1 / 3, 0, 1 / 3, 1 / 3]);
});

describe("the softmax family", () => {
  const rows = shapes({ minRank: 1, maxRank: 3 }).chain((shape) =>
    fc.tuple(tensors(shape, { low: -5, high: 5 }), fc.integer({ min: -shape.length, max: shape.length - 1 })),
  );

  it("softmax and logSoftmax follow their definitions", () => {
    fc.assert(
      fc.property(rows, ([x, dim]) => {
        const sums = reference(nd(x), dim, true, (values) => total(values.map(Math.exp)));
        const axis = (dim + x.rank) % x.rank;
        const want = build(x.shape, (index) => Math.exp(at(nd(x), index)) / at(sums, index.with(axis, 0)));
        expectTensor(ops.softmax(x, dim), want);
        expectTensor(ops.logSoftmax(x, dim), { shape: x.shape, data: want.data.map(Math.log) });
      }),
    );
  });

  it("stays exact at ±10000", () => {
    const x = tensor([1e4, -1e4, 1e4 - 1], { dtype: "float64", requiresGrad: true });
    const [a, b] = [1 / (1 + Math.exp(-1)), 1 / (1 + Math.exp(1))];
    expectTensor(x.softmax(0), { shape: [3], data: [a, 0, b] });
    expectTensor(x.logSoftmax(0), { shape: [3], data: [Math.log(a), Math.log(a) - 2e4, Math.log(b)] });
    expectTensor(x.logsumexp(), { shape: [], data: [1e4 - Math.log(a)] });
    x.logsumexp().backward();
    expectTensor(x.grad ?? x, { shape: [3], data: [a, 0, b] });
  });

  it("gives -Infinity no weight", () => {
    const x = tensor([0, minusInfinity, 0]);
    expect(x.softmax(0).toArray()).toEqual([0.5, 0, 0.5]);
    expect(x.logSoftmax(0).toArray()).toEqual([-Math.fround(Math.log(2)), minusInfinity, -Math.fround(Math.log(2))]);
  });

  it("of a row of -Infinity: logsumexp is -Infinity, softmax NaN, as in PyTorch; other rows do not care", () => {
    const x = tensor([
      [minusInfinity, minusInfinity],
      [0, 0],
    ]);
    expect(x.logsumexp(1).toArray()).toEqual([minusInfinity, Math.fround(Math.log(2))]);
    expect(x.softmax(1).toArray()).toEqual([
      [nan, nan],
      [0.5, 0.5],
    ]);
    expect(tensor([infinity, 0]).logsumexp().itemSync()).toBe(infinity);
  });
});
