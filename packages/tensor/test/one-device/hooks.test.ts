import { grad, ones, type Tensor, tensor } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const leaf = (values: number | number[]): Tensor => tensor(values, { dtype: "float64", requiresGrad: true });

/** Registers a hook that writes down what it sees. */
function watch(x: Tensor): unknown[] {
  const seen: unknown[] = [];
  x.registerHook((gradient) => {
    seen.push(gradient.toArray());
    return undefined;
  });
  return seen;
}

describe("a hook", () => {
  it("on a leaf sees the whole gradient of a pass, once", () => {
    const x = leaf([1, 2]);
    const seen = watch(x);
    x.mul(3).add(x.square()).sum().backward();
    expect(seen).toEqual([[5, 7]]);
  });

  it("on a result sees its gradient, also of one of several outputs", () => {
    const x = leaf([1, 2]);
    const y = x.mul(3);
    const [first, second] = y.unbind();
    const seen = [watch(y), watch(first), watch(second)];
    first.mul(2).add(second.mul(5)).backward();
    expect(seen).toEqual([[[2, 5]], [2], [5]]);
  });

  it("replaces the gradient with what it returns", () => {
    const x = leaf([1, 2]);
    const y = x.mul(3);
    y.registerHook((gradient) => gradient.mul(10));
    y.registerHook((gradient) => gradient.add(1));
    x.registerHook((gradient) => gradient.neg());
    y.sum().backward();
    expect(x.grad?.toArray()).toEqual([-33, -33]);
  });

  it("is called no more once removed, and may be removed twice", () => {
    const x = leaf(1);
    let calls = 0;
    const remove = x.registerHook(() => {
      calls++;
      return undefined;
    });
    x.mul(2).backward();
    remove();
    remove();
    x.mul(2).backward();
    expect(calls).toBe(1);
  });

  it("works in grad, and is differentiated with createGraph", () => {
    const x = leaf(3);
    x.registerHook((gradient) => gradient.square());
    const [g] = grad(x.square(), [x], { createGraph: true });
    expect([g.itemSync(), g.requiresGrad]).toEqual([36, true]);
  });

  it("must keep the shape", () => {
    const x = leaf([1, 2]);
    x.registerHook(() => ones([3], { dtype: "float64" }));
    expect(() => x.sum().backward()).toThrow(
      refusal("AutogradError", "registerHook: the hook returned a gradient of shape [3] for one of shape [2]"),
    );
  });

  it("is refused by a tensor without a gradient", () => {
    expect(() => tensor(1).registerHook((gradient) => gradient)).toThrow(
      refusal("AutogradError", "registerHook: this tensor requires no gradient, so the hook would never be called"),
    );
  });
});

describe("retainGrad", () => {
  it("keeps the gradient of a result, however often it is asked", () => {
    const x = leaf([1, 2]);
    const y = x.mul(3);
    y.retainGrad();
    y.retainGrad();
    y.square().sum().backward();
    expect([y.grad?.toArray(), x.grad?.toArray()]).toEqual([
      [6, 12],
      [18, 36],
    ]);
  });

  it("adds up over passes, as a leaf does", () => {
    const y = leaf(2).mul(3);
    y.retainGrad();
    y.mul(1).backward(undefined, { retainGraph: true });
    y.mul(1).backward();
    expect(y.grad?.itemSync()).toBe(2);
  });

  it("keeps a gradient that can be differentiated with createGraph", () => {
    const x = leaf(2);
    const y = x.mul(3);
    y.retainGrad();
    y.square().backward(undefined, { createGraph: true });
    const kept = y.grad;
    expect(kept && grad(kept, [x])[0].itemSync()).toBe(6);
  });

  it("changes nothing on a leaf", () => {
    const x = leaf(2);
    x.retainGrad();
    x.square().backward();
    expect(x.grad?.itemSync()).toBe(4);
  });

  it("is refused by a tensor without a gradient", () => {
    expect(() => tensor(1).retainGrad()).toThrow(
      refusal("AutogradError", "retainGrad: this tensor requires no gradient"),
    );
  });
});
