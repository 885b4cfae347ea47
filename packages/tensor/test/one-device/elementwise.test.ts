import { expressions as e, elementwise } from "@squall/device";
import * as ops from "@squall/tensor";
import { type Tensor, type TensorOrNumber, tensor } from "@squall/tensor";
import { broadcastableShapes, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { broadcastAt, broadcastShape, build, expectTensor, nd } from "../reference.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minusInfinity } = Number;

function halfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const unary: readonly (readonly [string, (x: Tensor) => Tensor, (x: number) => number])[] = [
  ["neg", ops.neg, (x) => -x],
  ["abs", ops.abs, Math.abs],
  ["sign", ops.sign, Math.sign],
  ["exp", ops.exp, Math.exp],
  ["expm1", ops.expm1, Math.expm1],
  ["log", ops.log, Math.log],
  ["log1p", ops.log1p, Math.log1p],
  ["sqrt", ops.sqrt, Math.sqrt],
  ["sin", ops.sin, Math.sin],
  ["cos", ops.cos, Math.cos],
  ["tanh", ops.tanh, Math.tanh],
  ["sigmoid", ops.sigmoid, sigmoid],
  ["floor", ops.floor, Math.floor],
  ["ceil", ops.ceil, Math.ceil],
  ["round", ops.round, halfToEven],
  ["square", ops.square, (x) => x ** 2],
  ["reciprocal", ops.reciprocal, (x) => 1 / x],
  ["relu", ops.relu, (x) => Math.max(x, 0)],
  ["softplus", ops.softplus, (x) => Math.log(1 + Math.exp(x))],
  ["silu", ops.silu, (x) => x * sigmoid(x)],
  ["leakyRelu", ops.leakyRelu, (x) => (x > 0 ? x : 0.01 * x)],
  ["leakyRelu with a slope", (x) => x.leakyRelu(0.3), (x) => (x > 0 ? x : 0.3 * x)],
  ["elu", ops.elu, (x) => (x > 0 ? x : Math.exp(x) - 1)],
  ["elu with alpha", (x) => x.elu(1.5), (x) => (x > 0 ? x : 1.5 * (Math.exp(x) - 1))],
  ["clamp", (x) => x.clamp(-1, 0.5), (x) => Math.min(0.5, Math.max(-1, x))],
  ["clamp from below", (x) => x.clamp(0.25), (x) => Math.max(0.25, x)],
  ["clamp from above", (x) => x.clamp(undefined, 0.25), (x) => Math.min(0.25, x)],
];

describe.each(unary)("%s", (_, fn, reference) => {
  it("is the function of every element", () => {
    const values = tensors(shapes({ minSize: 0 }), { low: -3, high: 3 });
    fc.assert(
      fc.property(values, (x) => expectTensor(fn(x), { shape: x.shape, data: nd(x).data.map(reference) })),
      { numRuns: 30 },
    );
  });
});

const binary: readonly (readonly [
  string,
  (a: TensorOrNumber, b: TensorOrNumber) => Tensor,
  (a: number, b: number) => number,
])[] = [
  ["add", ops.add, (a, b) => a + b],
  ["sub", ops.sub, (a, b) => a - b],
  ["mul", ops.mul, (a, b) => a * b],
  ["div", ops.div, (a, b) => a / b],
  ["pow", ops.pow, (a, b) => a ** b],
  ["maximum", ops.maximum, Math.max],
  ["minimum", ops.minimum, Math.min],
  ["lt", ops.lt, (a, b) => Number(a < b)],
  ["le", ops.le, (a, b) => Number(a <= b)],
  ["gt", ops.gt, (a, b) => Number(a > b)],
  ["ge", ops.ge, (a, b) => Number(a >= b)],
  ["eq", ops.eq, (a, b) => Number(a === b)],
  ["ne", ops.ne, (a, b) => Number(a !== b)],
];

describe.each(binary)("%s", (_, fn, reference) => {
  // Rounded values, so that ties and zeros are common.
  const pairs = broadcastableShapes({ minSize: 0 }).chain(([a, b]) => fc.tuple(tensors(a), tensors(b)));

  it("broadcasts as NumPy does", () => {
    fc.assert(
      fc.property(pairs, fc.boolean(), ([x, y], rounded) => {
        const [a, b] = rounded ? [x.round(), y.round()] : [x, y];
        const shape = broadcastShape(a.shape, b.shape);
        const [left, right] = [nd(a), nd(b)];
        expectTensor(
          fn(a, b),
          build(shape, (index) => reference(broadcastAt(left, index), broadcastAt(right, index))),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("takes a number on either side", () => {
    fc.assert(
      fc.property(tensors(shapes()), fc.constantFrom(-2, -0.5, 0, 1, 3), (x, n) => {
        expectTensor(fn(x, n), { shape: x.shape, data: nd(x).data.map((value) => reference(value, n)) });
        expectTensor(fn(n, x), { shape: x.shape, data: nd(x).data.map((value) => reference(n, value)) });
      }),
      { numRuns: 20 },
    );
  });
});

describe("where", () => {
  it("broadcasts all three operands", () => {
    const three = broadcastableShapes({}, 3).chain(([c, a, b]) => fc.tuple(tensors(c), tensors(a), tensors(b)));
    fc.assert(
      fc.property(three, ([condition, x, y]) => {
        const [c, a, b] = [condition.gt(0), x, y].map(nd);
        const want = build(broadcastShape(c.shape, a.shape, b.shape), (index) =>
          broadcastAt(c, index) !== 0 ? broadcastAt(a, index) : broadcastAt(b, index),
        );
        expectTensor(ops.where(condition.gt(0), x, y), want);
      }),
    );
  });

  it("takes every condition but 0 as true, and numbers on both sides", () => {
    expect(ops.where(tensor([0, 1, -2, nan, 0.1]), 5, 6).toArray()).toEqual([6, 5, 5, 5, 5]);
  });

  it("lets neither values nor gradients of the side not taken matter", () => {
    const x = tensor([-1, 4], { requiresGrad: true });
    const y = ops.where(x.gt(0), x.sqrt(), x.mul(3));
    y.sum().backward();
    expect(y.toArray()).toEqual([-3, 2]);
    expect(ops.where(tensor([1, 0]), 1, tensor([nan, 2])).toArray()).toEqual([1, 2]);
  });
});

describe("at the edges", () => {
  const edges = tensor([nan, infinity, minusInfinity, 0, -0, 1e4, -1e4], { dtype: "float64" });

  it.each<[string, (x: Tensor) => Tensor, number[]]>([
    ["relu", ops.relu, [nan, infinity, 0, 0, 0, 1e4, 0]],
    ["clamp", (x) => x.clamp(-2, 3), [nan, 3, -2, 0, 0, 3, -2]],
    ["softplus", ops.softplus, [nan, infinity, 0, Math.log(2), Math.log(2), 1e4, 0]],
    ["sigmoid", ops.sigmoid, [nan, 1, 0, 0.5, 0.5, 1, 0]],
    ["tanh", ops.tanh, [nan, 1, -1, 0, 0, 1, -1]],
    ["maximum", (x) => x.maximum(1), [nan, infinity, 1, 1, 1, 1e4, 1]],
    ["minimum", (x) => x.minimum(1), [nan, 1, minusInfinity, 0, 0, 1, -1e4]],
    ["lt", (x) => x.lt(1), [0, 0, 1, 1, 1, 0, 1]],
    ["ge", (x) => x.ge(1), [0, 1, 0, 0, 0, 1, 0]],
    ["eq", (x) => x.eq(x), [0, 1, 1, 1, 1, 1, 1]],
    ["ne", (x) => x.ne(x), [1, 0, 0, 0, 0, 0, 0]],
    ["elu", ops.elu, [nan, infinity, -1, 0, 0, 1e4, -1]],
  ])("%s keeps to NaN, infinities and zeros", (_, fn, want) => {
    const got = [...fn(edges).dataSync()];
    expect(got.map((value) => value + 0)).toEqual(want);
  });

  it("NaN on the right wins in maximum and minimum", () => {
    expect(
      tensor([1])
        .maximum(tensor([nan]))
        .toArray(),
    ).toEqual([nan]);
    expect(
      tensor([1])
        .minimum(tensor([nan]))
        .toArray(),
    ).toEqual([nan]);
  });

  it("expm1 and log1p are exact near 0", () => {
    expect(tensor([1e-12], { dtype: "float64" }).expm1().itemSync() / 1e-12).toBeCloseTo(1, 10);
    expect(tensor([1e-12], { dtype: "float64" }).log1p().itemSync() / 1e-12).toBeCloseTo(1, 10);
  });

  it("round takes halves to the even number", () => {
    expect(tensor([0.5, 1.5, 2.5, -0.5, -1.5]).round().toArray().toString()).toBe("0,2,2,0,-2");
  });
});

describe("gradients at kinks follow PyTorch", () => {
  const gradientAt = (values: number[], fn: (x: Tensor) => Tensor): unknown => {
    const x = tensor(values, { dtype: "float64", requiresGrad: true });
    fn(x).sum().backward();
    return x.grad?.toArray();
  };

  it.each<[string, number[], (x: Tensor) => Tensor, number[]]>([
    ["abs", [0, -1, 2], ops.abs, [0, -1, 1]],
    ["relu", [0, -1, 2], ops.relu, [0, 0, 1]],
    ["leakyRelu", [0, -1, 2], (x) => x.leakyRelu(0.1), [0.1, 0.1, 1]],
    ["elu", [0, 1e4, -1e4], (x) => x.elu(2), [2, 1, 0]],
    ["clamp", [-1, -2, 0, 1, 2], (x) => x.clamp(-1, 1), [1, 0, 1, 1, 0]],
    ["maximum of a tie", [1, 3, 0], (x) => x.maximum(1), [0.5, 1, 0]],
    ["minimum of a tie", [1, 3, 0], (x) => x.minimum(1), [0.5, 0, 1]],
    ["pow 0", [0, 2], (x) => x.pow(0), [0, 0]],
    ["pow 2 at 0", [0, -3], (x) => x.pow(2), [0, -6]],
    ["0 to the power of x", [1, 2], (x) => ops.pow(0, x), [0, 0]],
    ["sign", [0.5, -2], ops.sign, [0, 0]],
    ["round", [0.2, 1.7], ops.round, [0, 0]],
  ])("%s", (_, values, fn, want) => {
    expect(gradientAt(values, fn)).toEqual(want);
  });

  it("maximum shares a tie between both sides", () => {
    const a = tensor([2], { requiresGrad: true });
    const b = tensor([2], { requiresGrad: true });
    a.maximum(b).backward();
    expect([a.grad?.itemSync(), b.grad?.itemSync()]).toEqual([0.5, 0.5]);
  });
});

describe("applyElementwise", () => {
  it("computes a function of one's own with its gradient", () => {
    const scaledSquare = elementwise({
      name: "scaledSquare",
      arity: 1,
      value: e.mul(e.scalar(0), e.mul(e.input(0), e.input(0))),
    });
    const x = tensor([1, -3], { requiresGrad: true });
    const y = ops.applyElementwise(scaledSquare, [x], [0.5]);
    y.sum().backward();
    expect(y.toArray()).toEqual([0.5, 4.5]);
    expect(x.grad?.toArray()).toEqual([1, -3]);
  });

  it("gives a zero gradient where the function does not depend on an input", () => {
    const first = elementwise({
      name: "first",
      arity: 2,
      value: e.add(e.input(0), e.binary("mul", e.input(1), 0)),
    });
    const [x, y] = [tensor([1, 2], { requiresGrad: true }), tensor([3, 4], { requiresGrad: true })];
    ops.applyElementwise(first, [x, y]).sum().backward();
    expect(x.grad?.toArray()).toEqual([1, 1]);
    expect(y.grad?.toArray()).toEqual([0, 0]);
  });
});
