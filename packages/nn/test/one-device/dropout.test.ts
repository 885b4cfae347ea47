import { Dropout } from "@squall/nn";
import { Generator, type Tensor, zeros } from "@squall/tensor";
import { gradcheck, gradgradcheck, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("Dropout", () => {
  const ones = zeros([100, 100]).add(1);

  it("drops about p of the elements and keeps the mean", () => {
    const layer = new Dropout({ p: 0.2, generator: new Generator(4) });
    const values = [...layer.forward(ones).dataSync()];
    const dropped = values.filter((v) => v === 0).length;
    // Five standard deviations of 10⁴ choices.
    expect(Math.abs(dropped - 2000)).toBeLessThan(5 * Math.sqrt(10000 * 0.2 * 0.8));
    expect(new Set(values)).toEqual(new Set([0, 1.25]));
  });

  it("repeats under a seed and changes from call to call", () => {
    const make = (): Dropout => new Dropout({ generator: new Generator(9) });
    const [first, second] = [make(), make()];
    const a = first.forward(ones).toArray();
    expect(second.forward(ones).toArray()).toEqual(a);
    expect(first.forward(ones).toArray()).not.toEqual(a);
  });

  it("does nothing in evaluation or for p = 0, and everything for p = 1", () => {
    const layer = new Dropout().eval();
    expect(layer.p).toBe(0.5);
    expect(layer.forward(ones)).toBe(ones);
    expect(layer.train().forward(ones)).not.toBe(ones);
    expect(new Dropout({ p: 0 }).forward(ones)).toBe(ones);
    expect(new Set(new Dropout({ p: 1 }).forward(ones).dataSync())).toEqual(new Set([0]));
  });

  it("gives the gradient to kept elements only", () => {
    const x = ones.clone().requiresGrad_();
    const y = new Dropout({ p: 0.5, generator: new Generator(2) }).forward(x);
    y.sum().backward();
    expect(x.grad?.toArray()).toEqual(y.toArray());
  });

  it("has right gradients of first and second order, with the same choice at every call", () => {
    fc.assert(
      fc.property(tensors(shapes()), fc.constantFrom(0, 0.3, 1), fc.nat(), (x, p, seed) => {
        const fn = (): Tensor => new Dropout({ p, generator: new Generator(seed) }).forward(x);
        gradcheck(fn, [x]);
        gradgradcheck(fn, [x]);
      }),
      { numRuns: 20 },
    );
  });
});
