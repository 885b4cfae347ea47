import { AutogradError, grad, ones, type Tensor, tensor, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const leaf = (values: number | number[]): Tensor => tensor(values, { dtype: "float64", requiresGrad: true });

const gradientOf = (x: Tensor): unknown => x.grad?.toArray();

describe("backward", () => {
  it("adds to grad each time", () => {
    const x = leaf([1, 2]);
    x.square().sum().backward();
    x.mul(3).sum().backward();
    expect(x.grad?.toArray()).toEqual([5, 7]);
    x.grad = undefined;
    x.sum().backward();
    expect(gradientOf(x)).toEqual([1, 1]);
  });

  it("adds up all the ways in which a tensor is used", () => {
    const x = leaf(3);
    x.mul(x).add(x).backward();
    expect(x.grad?.itemSync()).toBe(7);
  });

  it("starts with a given gradient", () => {
    const x = leaf([1, 2]);
    x.mul(2).backward(tensor([10, 100], { dtype: "float64" }));
    expect(x.grad?.toArray()).toEqual([20, 200]);
  });

  it("of a leaf is its own gradient", () => {
    const x = leaf(5);
    x.backward();
    expect(x.grad?.itemSync()).toBe(1);
  });

  it("gives no gradient to tensors that did not ask, and takes no notice of those that do not matter", () => {
    const [x, y, unused] = [leaf(2), tensor(3, { dtype: "float64" }), leaf(4)];
    x.mul(y).backward();
    expect([x.grad?.itemSync(), y.grad, unused.grad]).toEqual([3, undefined, undefined]);
  });

  it("reaches shared leaves through each output of an op with several", () => {
    const x = leaf([1, 2, 3]);
    const [a, , c] = x.unbind();
    a.mul(10).add(c).backward();
    expect(x.grad?.toArray()).toEqual([10, 0, 1]);
  });

  it("records nothing unless asked", () => {
    const x = leaf(2);
    x.square().backward();
    expect(x.grad?.requiresGrad).toBe(false);
  });
});

describe("a second backward", () => {
  it("without retainGraph is an error that says what to do", () => {
    const x = leaf(2);
    const y = x.square();
    y.backward();
    expect(() => y.backward()).toThrow(
      refusal(
        "AutogradError",
        "square: backward through this graph a second time, but its saved values were freed after the first; pass retainGraph: true to the first",
      ),
    );
  });

  it("with retainGraph adds the same again", () => {
    const x = leaf(2);
    const y = x.square();
    y.backward(undefined, { retainGraph: true });
    y.backward();
    expect(x.grad?.itemSync()).toBe(8);
    expect(() => y.backward()).toThrow(AutogradError);
  });

  it("through the part that two graphs share is an error too", () => {
    const x = leaf(2);
    const shared = x.exp();
    shared.mul(2).backward();
    expect(() => shared.mul(3).backward()).toThrow(/^exp: backward through this graph a second time/);
  });
});

describe("createGraph", () => {
  it("makes gradients that can be differentiated", () => {
    const x = leaf(3);
    x.pow(3).backward(undefined, { createGraph: true });
    const first = x.grad;
    expect(first?.itemSync()).toBe(27);
    x.grad = undefined;
    first?.backward();
    expect(gradientOf(x)).toBe(18);
  });

  it("gives third derivatives: (sin x · x²)''' by grad of grad of grad", () => {
    const x = leaf([0.7, -1.3]);
    const f = x.sin().mul(x.square());
    const [d1] = grad(f.sum(), [x], { createGraph: true });
    const [d2] = grad(d1.sum(), [x], { createGraph: true });
    const [d3] = grad(d2.sum(), [x]);
    const third = (v: number): number => 6 * Math.cos(v) - 6 * v * Math.sin(v) - v * v * Math.cos(v);
    expect(d3.dataSync()[0]).toBeCloseTo(third(0.7), 12);
    expect(d3.dataSync()[1]).toBeCloseTo(third(-1.3), 12);
    expect([d2.requiresGrad, d3.requiresGrad]).toEqual([true, false]);
  });

  it("does not ask for gradients of numbers in expressions", () => {
    const x = leaf([1, -1]);
    const [g] = grad(x.maximum(0).sum(), [x], { createGraph: true });
    // The gradient is a constant selected by x; nothing in it but x can require one.
    expect(grad(g.sum(), [x], { allowUnused: true })[0].toArray()).toEqual([0, 0]);
  });
});

describe("grad does not alias tensors of the user", () => {
  it.each([false, true])("with createGraph %s", (createGraph) => {
    const x = leaf([1, 2]);
    const g = tensor([5, 6], { dtype: "float64" });
    x.backward(g, { createGraph });
    g.fill_(0);
    expect(x.grad?.toArray()).toEqual([5, 6]);
  });

  it("nor those of other leaves", () => {
    const [x, y] = [leaf([1, 2]), leaf([3, 4])];
    x.add(y).sum().backward();
    x.grad?.fill_(9);
    expect(y.grad?.toArray()).toEqual([1, 1]);
  });
});

describe("backward costs no more than the graph is large", () => {
  it("on a chain of 20000 additions, without overflowing the stack", () => {
    const x = leaf(1);
    let y: Tensor = x;
    for (let k = 0; k < 20_000; k++) y = y.add(1);
    y.backward();
    expect(x.grad?.itemSync()).toBe(1);
  });

  it("on 2000 diamonds, which have 2^2000 paths", () => {
    const x = leaf(1);
    let y: Tensor = x;
    for (let k = 0; k < 2000; k++) y = y.mul(0.5).add(y.mul(0.5));
    y.backward();
    expect(x.grad?.itemSync()).toBe(1);
  });

  it("on a deep graph differentiated twice", () => {
    const x = leaf(0.5);
    let y: Tensor = x;
    for (let k = 0; k < 2000; k++) y = y.mul(1.0001);
    const [g] = grad(y.square(), [x], { createGraph: true });
    g.backward();
    expect(x.grad?.itemSync()).toBeCloseTo(2 * 1.0001 ** 4000, 9);
  });
});

describe("backward refuses", () => {
  it("a tensor without a graph", () => {
    expect(() => tensor(1).mul(2).backward()).toThrow(
      refusal(
        "AutogradError",
        "backward: Tensor([], float32, cpu) does not require a gradient: it was computed from tensors without requiresGrad, inside noGrad, or by an op without a gradient",
      ),
    );
  });

  it("several elements without a gradient", () => {
    expect(() => leaf([1, 2]).mul(2).backward()).toThrow(
      refusal(
        "ShapeError",
        "backward: only a single number can start a backward pass by itself, but the output has shape [2]; reduce it (sum, mean) or give its gradient",
      ),
    );
  });

  it("a gradient of another shape, dtype or device", () => {
    const y = leaf([1, 2]).mul(2);
    expect(() => y.backward(ones([3], { dtype: "float64" }))).toThrow(
      refusal("ShapeError", "backward: the given gradient has shape [3] but the output has [2]"),
    );
    expect(() => y.backward(ones([2]))).toThrow(
      refusal("DTypeError", "backward: the given gradient is float32 but the output is float64"),
    );
  });
});

describe("requiresGrad", () => {
  it("spreads from leaves to results", () => {
    const x = zeros([2]);
    expect([x.requiresGrad, x.isLeaf, x.add(1).requiresGrad]).toEqual([false, true, false]);
    x.requiresGrad_();
    expect([x.requiresGrad, x.isLeaf, x.add(1).requiresGrad, x.add(1).isLeaf]).toEqual([true, true, true, false]);
    expect(x.requiresGrad_(false).add(1).requiresGrad).toBe(false);
  });

  it("of a result cannot be switched off", () => {
    const y = leaf(1).mul(2);
    expect(y.requiresGrad_()).toBe(y);
    expect(() => y.requiresGrad_(false)).toThrow(
      refusal(
        "AutogradError",
        "requiresGrad_: this tensor is the result of an operation; use detach() to get one without a gradient",
      ),
    );
  });

  it("detach cuts the graph and shares memory", () => {
    const x = leaf([1, 2]);
    const y = x.mul(2).detach();
    expect([y.requiresGrad, y.isLeaf, x.detach().storage === x.storage]).toEqual([false, true, true]);
    x.mul(y).sum().backward();
    expect(x.grad?.toArray()).toEqual([2, 4]);
  });

  it("comparisons never carry a gradient", () => {
    expect(leaf([1, 2]).gt(1).requiresGrad).toBe(false);
  });
});
