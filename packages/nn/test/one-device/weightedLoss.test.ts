import {
  balancedWeights,
  type LossReduction,
  l1,
  mse,
  WeightedL1Loss,
  WeightedMSELoss,
  weightedL1,
  weightedMse,
} from "@squall/nn";
import { type Tensor, tensor, zeros } from "@squall/tensor";
import { awayFrom, gradcheck, gradgradcheck, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../pytorch.ts";
import { refusal } from "../refusal.ts";

const reductions: readonly LossReduction[] = ["mean", "sum", "none"];
const reduction = fc.constantFrom(...reductions);
const losses = [
  ["weightedMse", weightedMse, WeightedMSELoss, mse, (d: number) => d * d],
  ["weightedL1", weightedL1, WeightedL1Loss, l1, Math.abs],
] as const;

/** Shapes that broadcast to `shape`: some leading axes are missing, some sizes are 1. */
function smaller(shape: readonly number[]): fc.Arbitrary<readonly number[]> {
  return fc
    .tuple(fc.nat({ max: shape.length }), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }))
    .map(([drop, ones]) => shape.slice(drop).map((n, k) => (ones[k] === true ? 1 : n)));
}

/** Input, target and weights; input and target differ clearly. */
const problems: fc.Arbitrary<readonly [Tensor, Tensor, Tensor]> = shapes().chain((shape) =>
  fc
    .tuple(
      tensors(shape, { keep: awayFrom([0]), requiresGrad: false }),
      tensors(shape),
      fc.oneof(fc.constant(shape), smaller(shape)).chain((weights) => tensors(weights)),
    )
    .map(([difference, target, weights]) => [target.detach().add(difference).requiresGrad_(), target, weights]),
);

describe.each(losses)("%s", (name, loss, Loss, plain, error) => {
  it("is the error of each element times its weight, reduced as that without weights", () => {
    fc.assert(
      fc.property(problems, ([x, t, w]) => {
        const all = w.expand(x.shape).dataSync();
        const target = t.dataSync();
        const each = [...x.dataSync()].map((value, k) => all[k] * error(value - target[k]));
        const total = each.reduce((sum, value) => sum + value, 0);
        const none = loss(x, t, w, { reduction: "none" });
        expect(none.shape).toEqual(x.shape);
        expectClose(none, each);
        expectClose(loss(x, t, w, { reduction: "sum" }), [total]);
        expectClose(loss(x, t, w), [total / x.size]);
        expectClose(loss(x, t, tensor(1, { dtype: "float64" })), [plain(x, t).itemSync()]);
      }),
      { numRuns: 25 },
    );
  });

  it("has gradients of first and second order, of input, target and weights", () => {
    fc.assert(
      fc.property(problems, reduction, (inputs, reduction) => {
        const fn = (x: Tensor, t: Tensor, w: Tensor): Tensor => loss(x, t, w, { reduction });
        gradcheck(fn, inputs);
        gradgradcheck(fn, inputs);
      }),
      { numRuns: 15 },
    );
  });

  it("is a module, too", () => {
    const [x, t, w] = [tensor([1, 2]), tensor([3, 5]), tensor([2, 0.5])];
    for (const reduction of reductions) {
      expect(new Loss({ reduction }).forward(x, t, w).toArray()).toEqual(loss(x, t, w, { reduction }).toArray());
    }
    expect(new Loss().reduction).toBe("mean");
    // @ts-expect-error "avg" is no reduction
    expect(() => new Loss({ reduction: "avg" })).toThrow(
      refusal("ArgumentError", `${Loss.name}: reduction must be one of "mean", "sum", "none", got "avg"`),
    );
  });

  it("refuses what does not fit", () => {
    const x = zeros([2, 3]);
    expect(() => loss(x, zeros([3]), x)).toThrow(
      refusal(
        "ShapeError",
        `${name}: input and target must have the same shape, got input [2,3] and target [3]; reshape or expand one`,
      ),
    );
    expect(() => loss(x, x, zeros([4, 2, 3]))).toThrow(
      refusal("ShapeError", `${name}: weights [4,2,3] does not broadcast to the input [2,3]`),
    );
    expect(() => loss(x, x, zeros([2]))).toThrow(
      refusal(
        "ShapeError",
        `${name}: shapes [2,3] and [2] do not broadcast: sizes 3 and 2 of axis 1 differ and neither is 1`,
      ),
    );
    // @ts-expect-error weights are no option
    expect(() => loss(x, x, { reduction: "sum" })).toThrow(
      refusal("ArgumentError", `${name}: the weights must be a tensor, got object`),
    );
    expect(() => loss(x, x, zeros([3], { dtype: "float64" }))).toThrow(
      refusal(
        "DTypeError",
        `${name}: inputs have different dtypes: input 0 is float32, input 2 is float64; convert one with to("float32")`,
      ),
    );
  });
});

describe("balancedWeights", () => {
  it("are those of HKO-7 unless others are asked for", () => {
    const rain = tensor([0, 1.99, 2, 4.99, 5, 9.99, 10, 29.99, 30, 200, Number.NaN]);
    expect([...balancedWeights(rain).dataSync()]).toEqual([1, 1, 2, 2, 5, 5, 10, 10, 30, 30, 1]);
  });

  it("are the weight of the class that each element is in", () => {
    const classes = fc
      .uniqueArray(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 4 })
      .map((list) => list.sort((a, b) => a - b).map((n) => n / 5))
      .chain((thresholds) =>
        fc.tuple(
          fc.constant(thresholds),
          fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -9, max: 9 }), {
            minLength: thresholds.length + 1,
            maxLength: thresholds.length + 1,
          }),
        ),
      );
    const dtypes = fc.constantFrom("float32" as const, "float64" as const);
    fc.assert(
      fc.property(classes, tensors(shapes()), dtypes, ([thresholds, weights], x, dtype) => {
        // Values at the thresholds, too, as the dtype rounds them.
        const target = tensor([...x.dataSync(), ...thresholds], { dtype });
        const got = balancedWeights(target, { thresholds, weights });
        expect([got.dtype, got.requiresGrad]).toEqual([dtype, false]);
        const round = dtype === "float32" ? Math.fround : (n: number): number => n;
        const want = [...target.dataSync()].map((value) =>
          round(weights[thresholds.filter((threshold) => value >= round(threshold)).length]),
        );
        expect([...got.dataSync()].map((w) => w + 0)).toEqual(want.map((w) => w + 0));
      }),
      { numRuns: 40 },
    );
  });

  it("carry no gradient, and weigh a loss", () => {
    const x = tensor([1, 40], { requiresGrad: true });
    const t = tensor([2, 30], { requiresGrad: true });
    const weights = balancedWeights(t);
    expect(weights.requiresGrad).toBe(false);
    expect(weightedMse(x, t, weights, { reduction: "sum" }).itemSync()).toBe(2 * 1 + 30 * 100);
  });

  it.each([
    [{ thresholds: [] }, "needs at least one threshold"],
    [{ thresholds: [1, 1], weights: [1, 2, 3] }, "thresholds must ascend, got [1, 1]"],
    [{ thresholds: [Number.NaN] }, "thresholds[0] must be a finite number, got NaN"],
    [{ weights: [1, 2, 5, 10, Number.POSITIVE_INFINITY] }, "weights[4] must be a finite number, got Infinity"],
    [
      { thresholds: [0.5] },
      "1 thresholds make 2 classes, but there are 5 weights; give one per class, that below the first threshold first",
    ],
  ])("refuse %j", (options, text) => {
    expect(() => balancedWeights(zeros([2]), options)).toThrow(refusal("ArgumentError", `balancedWeights: ${text}`));
  });

  it("refuse what is no tensor", () => {
    // @ts-expect-error a number is not a tensor
    expect(() => balancedWeights(3)).toThrow(
      refusal("ArgumentError", "balancedWeights: the target must be a tensor, got number"),
    );
  });
});
