import { grad, ones, type Tensor, tensor } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const leaf = (values: number | number[]): Tensor => tensor(values, { dtype: "float64", requiresGrad: true });

describe("grad", () => {
  it("touches no .grad", () => {
    const [x, y] = [leaf(2), leaf(5)];
    const [dx, dy] = grad(x.mul(y), [x, y]);
    expect([dx.itemSync(), dy.itemSync(), x.grad, y.grad]).toEqual([5, 2, undefined, undefined]);
  });

  it("sums over several outputs, weighted by gradOutputs", () => {
    const x = leaf([1, 2]);
    const gradOutputs = [tensor([1, 10], { dtype: "float64" }), tensor(100, { dtype: "float64" })];
    const [dx] = grad([x.square(), x.sum()], [x], { gradOutputs });
    expect(dx.toArray()).toEqual([102, 140]);
  });

  it("gives gradients of tensors on the way, and of a tensor asked for twice", () => {
    const x = leaf(3);
    const y = x.square();
    const [dy, dx, again, dz] = grad(y.mul(2).add(y), [y, x, x, y]);
    expect([dy, dx, again, dz].map((g) => g.itemSync())).toEqual([3, 18, 18, 3]);
  });

  it("gives each result memory of its own, though a sum passes on what it gets", () => {
    const [x, y] = [leaf([1, 2]), leaf([3, 4])];
    const gradOutputs = [tensor([5, 6], { dtype: "float64" })];
    for (const createGraph of [false, true]) {
      const results = grad(x.add(y).add(1), [x, y, x], { gradOutputs, createGraph });
      expect(results.map((each) => each.toArray())).toEqual([
        [5, 6],
        [5, 6],
        [5, 6],
      ]);
      expect(new Set([...results, ...gradOutputs].map(({ storage }) => storage)).size).toBe(4);
    }
  });

  it("of an output with respect to itself is what it started with", () => {
    const y = leaf(3).square();
    expect(grad(y, [y])[0].itemSync()).toBe(1);
  });

  it("walks only what lies between", () => {
    const [x, other] = [leaf(3), leaf(4)];
    let calls = 0;
    const side = other.exp();
    side.registerHook((gradient) => {
      calls++;
      return gradient;
    });
    grad(x.mul(side), [x]);
    expect(calls).toBe(0);
  });

  it("with allowUnused gives zeros that require no gradient", () => {
    const [x, unused] = [leaf(3), leaf([1, 2])];
    const [, zeros] = grad(x.square(), [x, unused], { allowUnused: true, createGraph: true });
    expect([zeros.toArray(), zeros.requiresGrad, zeros.dtype]).toEqual([[0, 0], false, "float64"]);
  });

  it("keeps the graph with retainGraph, and with createGraph", () => {
    const x = leaf(3);
    const y = x.square();
    grad(y, [x], { retainGraph: true });
    grad(y, [x], { createGraph: true });
    grad(y, [x]);
    expect(() => grad(y, [x])).toThrow(/a second time/);
  });

  it("of a gradient sees how a power depends on an exponent of 0", () => {
    const [base, exponent] = [leaf(4), leaf(0)];
    const [slope] = grad(base.pow(exponent), [base], { createGraph: true });
    // d/db (b·a^(b - 1)) = 1/a at b = 0
    expect(grad(slope, [exponent])[0].itemSync()).toBe(0.25);
  });

  it("inside a function that a gradient is taken of (a gradient penalty)", () => {
    const x = leaf([1, 2]);
    const [g] = grad(x.pow(3).sum(), [x], { createGraph: true });
    g.square().sum().backward();
    // d/dx (3x²)² = 36x³
    expect(x.grad?.toArray()).toEqual([36, 288]);
  });
});

describe("grad refuses", () => {
  it("an input that the outputs do not depend on", () => {
    const [x, unused] = [leaf(3), leaf(1)];
    expect(() => grad(x.square(), [x, unused])).toThrow(
      refusal(
        "AutogradError",
        "grad: the outputs do not depend on input 1; pass allowUnused: true to get zeros for it",
      ),
    );
  });

  it("an input that requires no gradient", () => {
    const x = leaf(3);
    expect(() => grad(x.square(), [tensor(1)])).toThrow(
      refusal("AutogradError", "grad: input 0 does not require a gradient; create it with requiresGrad: true"),
    );
  });

  it("an output without a graph", () => {
    expect(() => grad(tensor(1), [leaf(1)])).toThrow(
      /^grad: Tensor\(\[\], float32, cpu\) does not require a gradient:/,
    );
  });

  it("gradOutputs that do not fit", () => {
    const x = leaf([1, 2]);
    expect(() => grad([x.square(), x.sum()], [x], { gradOutputs: [ones([2], { dtype: "float64" })] })).toThrow(
      refusal("ShapeError", "grad: there are 2 outputs but 1 gradOutputs"),
    );
    expect(() => grad(x.square(), [x], { gradOutputs: [ones([1], { dtype: "float64" })] })).toThrow(
      refusal("ShapeError", "grad: the given gradient has shape [1] but the output has [2]"),
    );
    expect(() => grad(x.square(), [x])).toThrow(
      refusal(
        "ShapeError",
        "grad: only a single number can start a backward pass by itself, but the output has shape [2]; reduce it (sum, mean) or give its gradient",
      ),
    );
  });
});
