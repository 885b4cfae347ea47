import { checkpoint, Generator, grad, manualSeed, noGrad, rand, randn, type Tensor, tensor } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const leaf = (values: number[]): Tensor => tensor(values, { dtype: "float64", requiresGrad: true });
const block = (x: Tensor, w: Tensor): Tensor => x.mul(w).tanh().mul(x.exp()).sum();

describe("a checkpoint", () => {
  it("has the value and the gradients of the function itself", () => {
    const [x, w] = [leaf([1, -2]), leaf([0.5, 0.3])];
    const [plain, saved] = [block(x, w), checkpoint(block, x, w)];
    expect(saved.itemSync()).toBe(plain.itemSync());
    expect(grad(saved, [x, w]).map((g) => g.toArray())).toEqual(grad(plain, [x, w]).map((g) => g.toArray()));
  });

  it("runs the function once forward and once backward", () => {
    let runs = 0;
    const x = leaf([1, 2]);
    const y = checkpoint((v) => {
      runs++;
      return v.exp().sin().exp();
    }, x);
    expect(runs).toBe(1);
    y.sum().backward();
    expect(runs).toBe(2);
  });

  it("does not run again where no saved value is needed", () => {
    let runs = 0;
    const x = leaf([1, 2]);
    checkpoint((v) => {
      runs++;
      return v.add(1).mul(2);
    }, x)
      .sum()
      .backward();
    expect([runs, x.grad?.toArray()]).toEqual([1, [2, 2]]);
  });

  it("has equal second derivatives", () => {
    const [x, w] = [leaf([1, -2]), leaf([0.5, 0.3])];
    const second = (y: Tensor): unknown => {
      const [gx, gw] = grad(y, [x, w], { createGraph: true });
      return grad(gx.square().add(gw).sum(), [x, w]).map((g) => g.toArray());
    };
    expect(second(checkpoint(block, x, w))).toEqual(second(block(x, w)));
  });

  it("can be walked twice with retainGraph, and not after", () => {
    const x = leaf([1, 2]);
    const y = checkpoint((v) => v.exp().sin().sum(), x);
    const first = grad(y, [x], { retainGraph: true })[0].toArray();
    expect(grad(y, [x])[0].toArray()).toEqual(first);
    expect(() => y.backward()).toThrow(/a second time/);
  });

  it("gives gradients to leaves that the function uses from outside, and to results too", () => {
    const [x, weight, other] = [leaf([1, 2]), leaf([3, 4]), leaf([0.1, 0.2])];
    const outside = other.exp();
    const fn = (v: Tensor): Tensor => v.mul(weight).sin().mul(outside).sum();
    const inputs = [x, weight, other];
    const want = grad(fn(x), inputs, { retainGraph: true }).map((g) => g.toArray());
    expect(grad(checkpoint(fn, x), inputs).map((g) => g.toArray())).toEqual(want);
  });

  it("returns several tensors, or anything else", () => {
    const x = leaf([1, 2]);
    const { a, b, n } = checkpoint((v) => ({ a: v.exp(), b: v.square(), n: 3 }), x);
    a.mul(b).sum().mul(n).backward();
    const want = [1, 2].map((v) => 3 * Math.exp(v) * (v * v + 2 * v));
    for (const [k, value] of want.entries()) expect(x.grad?.dataSync()[k]).toBeCloseTo(value, 12);
  });

  it("may stand inside another", () => {
    const [x, w] = [leaf([1, -2]), leaf([0.5, 0.3])];
    let innerRuns = 0;
    const inner = (v: Tensor): Tensor => {
      innerRuns++;
      return v.sigmoid().exp();
    };
    const fn = (v: Tensor, u: Tensor): Tensor => checkpoint(inner, v.mul(u).sin()).mul(u.exp()).sum();
    const want = grad(fn(x, w), [x, w]).map((g) => g.toArray());
    innerRuns = 0;
    const y = checkpoint(fn, x, w);
    expect(grad(y, [x, w]).map((g) => g.toArray())).toEqual(want);
    expect(innerRuns).toBeLessThanOrEqual(3);
  });

  it("records nothing inside noGrad, and works on inputs without a gradient", () => {
    const x = leaf([1, 2]);
    expect(noGrad(() => checkpoint((v) => v.exp(), x)).requiresGrad).toBe(false);
    expect(checkpoint((v) => v.exp(), tensor([0])).toArray()).toEqual([1]);
  });
});

describe("random numbers inside a checkpoint", () => {
  /** A dropout: its gradient shows which mask the backward pass saw. */
  const masked = (x: Tensor, mask: Tensor): Tensor => x.mul(mask).exp();

  it("are drawn again from the same state of a given generator", () => {
    const run = (through: typeof checkpoint | undefined): unknown[] => {
      const generator = new Generator(7);
      const x = leaf([1, 2, 3]);
      const fn = (v: Tensor): Tensor => masked(v, rand([3], { generator, dtype: "float64" }));
      const y = through ? through(fn, x) : fn(x);
      const after = generator.next();
      y.sum().backward();
      return [y.toArray(), x.grad?.toArray(), after, generator.next()];
    };
    expect(run(checkpoint)).toEqual(run(undefined));
  });

  it("are drawn again from the default generator, in the middle of a pair of normal numbers too", () => {
    const run = (through: typeof checkpoint | undefined): unknown[] => {
      manualSeed(3);
      randn([1]);
      const x = leaf([1, 2, 3]);
      const fn = (v: Tensor): Tensor => masked(v, randn([3], { dtype: "float64" }));
      const y = through ? through(fn, x) : fn(x);
      y.sum().backward();
      return [y.toArray(), x.grad?.toArray(), randn([3]).toArray()];
    };
    expect(run(checkpoint)).toEqual(run(undefined));
  });

  it("are drawn again in nested checkpoints", () => {
    const run = (through: boolean): unknown[] => {
      const generator = new Generator(9);
      const x = leaf([1, 2]);
      const inner = (v: Tensor): Tensor => masked(v, rand([2], { generator, dtype: "float64" }));
      const outer = (v: Tensor): Tensor =>
        (through ? checkpoint(inner, v.sin()) : inner(v.sin())).mul(generator.next());
      const y = through ? checkpoint(outer, x) : outer(x);
      y.square().sum().backward();
      return [y.toArray(), x.grad?.toArray(), generator.next()];
    };
    expect(run(true)).toEqual(run(false));
  });
});

describe("a checkpoint refuses", () => {
  it("a function that saves another number of values the second time", () => {
    let runs = 0;
    const y = checkpoint((v) => (runs++ === 0 ? v.exp().exp() : v.exp().exp().exp()), leaf([1, 2]));
    expect(() => y.sum().backward()).toThrow(
      refusal(
        "AutogradError",
        "checkpoint: the function saved 2 values at first and 3 when run again; it must do the same whenever it is called",
      ),
    );
  });

  it("a function that does something else the second time", () => {
    let runs = 0;
    const y = checkpoint((v) => (runs++ === 0 ? v.add(1).sin() : v.add(1).cos()).sum(), leaf([1, 2]));
    expect(() => y.backward()).toThrow(
      refusal(
        "AutogradError",
        "checkpoint: the function saved [2] float64 for sin at first and [2] float64 for cos when run again; it must do the same whenever it is called",
      ),
    );
    runs = 0;
    const z = checkpoint((v) => v.expand([++runs, 2]).exp().sum(), leaf([1, 2]));
    expect(() => z.backward()).toThrow(
      "checkpoint: the function saved [1,2] float64 for exp at first and [2,2] float64 for exp when run again;",
    );
  });

  it("inputs that changed in place meanwhile", () => {
    const x = leaf([1, 2]);
    const y = checkpoint((v) => v.exp().sin().sum(), x);
    noGrad(() => x.fill_(0));
    expect(() => y.backward()).toThrow(
      refusal(
        "AutogradError",
        "checkpoint: Tensor([2], float64, cpu) was saved for the backward pass but has been changed in place since; run backward before changing it, or change a clone",
      ),
    );
  });

  it("an asynchronous function", () => {
    expect(() => checkpoint(async (v) => v.exp(), leaf([1]))).toThrow(/^checkpoint: the function returned a promise/);
  });
});
