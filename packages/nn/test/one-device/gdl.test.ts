import { GDLLoss, gdl } from "@squall/nn";
import { rand, type Tensor, tensor, zeros } from "@squall/tensor";
import { gradcheck, gradgradcheck, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../pytorch.ts";
import { refusal } from "../refusal.ts";

interface Pairs {
  /** The paper's sum. */
  readonly sum: number;
  /** Number of pairs of neighbours. */
  readonly count: number;
  /** The smallest argument of an absolute value. */
  readonly nearestKink: number;
}

/** The paper's formula, pixel by pixel. */
function pairsOf(x: Tensor, y: Tensor, alpha: number): Pairs {
  const [rows, columns] = x.shape.slice(-2);
  const [input, target] = [x.dataSync(), y.dataSync()];
  const kinks = [Number.POSITIVE_INFINITY];
  let sum = 0;
  let count = 0;
  const visit = (here: number, before: number): void => {
    const [dx, dy] = [input[here] - input[before], target[here] - target[before]];
    const distance = Math.abs(dy) - Math.abs(dx);
    kinks.push(Math.abs(dx), Math.abs(dy), Math.abs(distance));
    sum += Math.abs(distance) ** alpha;
    count++;
  };
  for (let k = 0; k < input.length; k++) {
    if (Math.floor(k / columns) % rows > 0) visit(k, k - columns);
    if (k % columns > 0) visit(k, k - 1);
  }
  return { sum, count, nearestKink: Math.min(...kinks) };
}

const images = shapes({ minRank: 2, maxRank: 3, maxSize: 3 }).chain((shape) =>
  fc.tuple(tensors(shape), tensors(shape)),
);
const alphas = fc.constantFrom(1, 1.5, 2, 3);

describe("gdl", () => {
  it("is the formula of the paper, and its mean over all pairs", () => {
    fc.assert(
      fc.property(images, alphas, ([x, y], alpha) => {
        const { sum, count } = pairsOf(x, y, alpha);
        expectClose(gdl(x, y, { alpha, reduction: "sum" }), [sum]);
        if (count > 0) expectClose(gdl(x, y, { alpha }), [sum / count]);
      }),
      { numRuns: 40 },
    );
  });

  it("has gradients of first and second order, of input and target", () => {
    const smooth = images.filter(([x, y]) => pairsOf(x, y, 1).nearestKink > 0.01);
    const reduction = fc.constantFrom("mean" as const, "sum" as const);
    fc.assert(
      fc.property(smooth, alphas, reduction, ([x, y], alpha, reduction) => {
        const options = { alpha, reduction: pairsOf(x, y, 1).count > 0 ? reduction : "sum" } as const;
        const fn = (a: Tensor, b: Tensor): Tensor => gdl(a, b, options);
        gradcheck(fn, [x, y]);
        gradgradcheck(fn, [x, y]);
      }),
      { numRuns: 20 },
    );
  });

  it("sees blur, not what is added everywhere, with gradient 0 where nothing differs", () => {
    const y = rand([2, 1, 4, 4], { dtype: "float64" });
    const x = y.add(0.25).detach().requiresGrad_();
    expect(gdl(x, y).itemSync()).toBeCloseTo(0, 12);
    const same = y.clone().requiresGrad_();
    gdl(same, y).backward();
    expect(same.grad?.abs().max().itemSync()).toBe(0);
    expect(gdl(zeros([2, 1, 4, 4], { dtype: "float64" }), y).itemSync()).toBeGreaterThan(0);
  });

  it("of images without neighbours is 0 as a sum and NaN as a mean", () => {
    for (const shape of [
      [3, 1, 1],
      [0, 4, 4],
      [0, 0],
    ]) {
      expect(gdl(zeros(shape), zeros(shape), { reduction: "sum" }).itemSync()).toBe(0);
      expect(gdl(zeros(shape), zeros(shape)).itemSync()).toBeNaN();
    }
    expect(gdl(tensor([[0, 1]]), tensor([[0, 3]])).itemSync()).toBe(2);
  });

  it("is a module, too", () => {
    const [x, y] = [tensor([[1, 2]]), tensor([[3, 7]])];
    expect(new GDLLoss({ alpha: 2 }).forward(x, y).itemSync()).toBe(9);
    const { reduction, alpha } = new GDLLoss();
    expect([reduction, alpha]).toEqual(["mean", 1]);
  });

  it.each([
    [{ alpha: 0.5 }, "alpha must be a finite number >= 1, got 0.5"],
    [{ alpha: Number.NaN }, "alpha must be a finite number >= 1, got NaN"],
    [{ reduction: "none" as never }, 'reduction must be one of "mean", "sum", got "none"'],
  ])("refuses %j", (options, text) => {
    expect(() => gdl(zeros([2, 2]), zeros([2, 2]), options)).toThrow(refusal("ArgumentError", `gdl: ${text}`));
    expect(() => new GDLLoss(options)).toThrow(refusal("ArgumentError", `GDLLoss: ${text}`));
  });

  it("refuses what are no images of one shape and dtype", () => {
    expect(() => gdl(zeros([3]), zeros([3]))).toThrow(
      refusal("ShapeError", "gdl: needs images […, H, W], got shape [3]"),
    );
    expect(() => gdl(zeros([2, 3]), zeros([3, 2]))).toThrow(
      refusal(
        "ShapeError",
        "gdl: input and target must have the same shape, got input [2,3] and target [3,2]; reshape or expand one",
      ),
    );
    expect(() => gdl(zeros([2, 2]), zeros([2, 2], { dtype: "float64" }))).toThrow(
      refusal(
        "DTypeError",
        'gdl: inputs have different dtypes: input 0 is float32, input 1 is float64; convert one with to("float32")',
      ),
    );
  });
});
