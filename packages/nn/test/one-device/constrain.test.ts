import { Conv2d, constrain, Parameter } from "@squall/nn";
import { type Tensor, tensor, zeros } from "@squall/tensor";
import { axisLists, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { expectClose } from "../pytorch.ts";
import { refusal } from "../refusal.ts";

/** Some vectors of zeros among the others, and a list of axes or none. */
const problems = shapes({ maxSize: 3 }).chain((shape) =>
  fc.record({
    weight: fc
      .tuple(tensors(shape, { requiresGrad: false }), tensors(shape.slice(0, 1), { low: 0, requiresGrad: false }))
      .map(([values, some]) =>
        shape.length === 0
          ? values
          : values.mul(some.gt(0.5).reshape([...shape.slice(0, 1), ...shape.slice(1).map(() => 1)])),
      ),
    dim: fc.option(axisLists(shape.length), { nil: undefined }),
  }),
);

/** The group that each element is in, for norms over `dim`, or over all axes but the first. */
function groupsOf(shape: readonly number[], dim: readonly number[] | undefined): string[] {
  const rank = shape.length;
  const over =
    dim?.map((axis) => (axis < 0 ? axis + rank : axis)) ?? shape.map((_, axis) => axis).slice(rank < 2 ? 0 : 1);
  const size = shape.reduce((n, k) => n * k, 1);
  return Array.from({ length: size }, (_, index) => {
    let rest = index;
    const place = shape.toReversed().map((n) => {
      const at = rest % n;
      rest = Math.floor(rest / n);
      return at;
    });
    return place
      .reverse()
      .filter((_, axis) => !over.includes(axis))
      .join(",");
  });
}

/** Every vector of the weight scaled to the norm that `wanted` makes of its own. */
function scaled(weight: Tensor, dim: readonly number[] | undefined, wanted: (norm: number) => number): number[] {
  const values = [...weight.dataSync()];
  const groups = groupsOf(weight.shape, dim);
  const squares = new Map<string, number>();
  for (const [k, value] of values.entries()) squares.set(groups[k], (squares.get(groups[k]) ?? 0) + value * value);
  return values.map((value, k) => {
    const norm = Math.sqrt(squares.get(groups[k]) ?? 0);
    return norm === 0 ? value : (value * wanted(norm)) / norm;
  });
}

type Constraint = (weight: Tensor, options: { readonly dim?: readonly number[] }) => Tensor;

const constraints: readonly (readonly [string, Constraint, (norm: number) => number])[] = [
  ["maxNorm_", (w, options) => constrain.maxNorm_(w, { maxNorm: 1.5, ...options }), (n) => Math.min(n, 1.5)],
  ["maxNorm_ of 0", (w, options) => constrain.maxNorm_(w, { maxNorm: 0, ...options }), () => 0],
  ["maxNorm_ by default", (w, options) => constrain.maxNorm_(w, options), (n) => Math.min(n, 2)],
  ["unitNorm_", (w, options) => constrain.unitNorm_(w, options), () => 1],
  [
    "minMaxNorm_",
    (w, options) => constrain.minMaxNorm_(w, { minNorm: 0.75, maxNorm: 1.5, ...options }),
    (n) => Math.min(Math.max(n, 0.75), 1.5),
  ],
  [
    "minMaxNorm_ at half the rate",
    (w, options) => constrain.minMaxNorm_(w, { minNorm: 0.75, maxNorm: 1.5, rate: 0.5, ...options }),
    (n) => (Math.min(Math.max(n, 0.75), 1.5) + n) / 2,
  ],
  ["minMaxNorm_ by default", (w, options) => constrain.minMaxNorm_(w, options), (n) => Math.min(n, 1)],
];

describe("constraints of norms", () => {
  it.each(constraints)("%s", (_, constraint, wanted) => {
    fc.assert(
      fc.property(problems, ({ weight, dim }) => {
        const want = scaled(weight, dim, wanted);
        const parameter = new Parameter(weight.clone());
        const { storage } = parameter;
        expect(constraint(parameter, dim === undefined ? {} : { dim })).toBe(parameter);
        expectClose(parameter, want);
        expect([parameter.storage === storage, parameter.isLeaf, parameter.requiresGrad]).toEqual([true, true, true]);
      }),
      { numRuns: 25 },
    );
  });

  it("leave what is within the limits as it is, to the bit", () => {
    fc.assert(
      fc.property(tensors(shapes(), { low: -0.1, high: 0.1 }), (weight) => {
        const narrow = new Parameter(weight.detach().to("float32"));
        const before = narrow.dataSync().slice();
        constrain.maxNorm_(narrow);
        constrain.minMaxNorm_(narrow, { rate: 0.3 });
        expect(narrow.dataSync()).toEqual(before);
      }),
      { numRuns: 25 },
    );
  });

  it("take one norm per output channel of a convolution, unless told otherwise", () => {
    const { weight } = new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: 3 });
    expect(weight.shape).toEqual([3, 2, 3, 3]);
    constrain.unitNorm_(weight);
    for (const norm of weight.square().sum([1, 2, 3]).dataSync()) expect(norm).toBeCloseTo(1, 5);
    constrain.unitNorm_(weight, { dim: [0, 2, 3] });
    for (const norm of weight.square().sum([0, 2, 3]).dataSync()) expect(norm).toBeCloseTo(1, 5);
    expect(constrain.unitNorm_(tensor([3, 4], { dtype: "float64" })).toArray()).toEqual([
      expect.closeTo(0.6, 12),
      expect.closeTo(0.8, 12),
    ]);
    expect(constrain.unitNorm_(zeros([0, 3])).shape).toEqual([0, 3]);
  });

  it("refuse what is out of range", () => {
    const w = zeros([2, 2]);
    for (const maxNorm of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const text = `maxNorm must be a finite number >= 0, got ${maxNorm}`;
      expect(() => constrain.maxNorm_(w, { maxNorm })).toThrow(refusal("ArgumentError", `maxNorm_: ${text}`));
      expect(() => constrain.minMaxNorm_(w, { maxNorm })).toThrow(refusal("ArgumentError", `minMaxNorm_: ${text}`));
    }
    expect(() => constrain.minMaxNorm_(w, { minNorm: 3 })).toThrow(
      refusal("ArgumentError", "minMaxNorm_: minNorm must not be above maxNorm, got minNorm = 3, maxNorm = 1"),
    );
    for (const rate of [0, 1.5]) {
      expect(() => constrain.minMaxNorm_(w, { rate })).toThrow(
        refusal("ArgumentError", `minMaxNorm_: rate must be a number above 0 and at most 1, got ${rate}`),
      );
    }
    expect(() => constrain.unitNorm_(w, { dim: 2 })).toThrow(
      refusal("ShapeError", "sum: there is no axis 2 in shape [2,2]; axes go from -2 to 1"),
    );
  });
});

describe("constrain.nonNeg_", () => {
  it("makes negative elements 0, in place and unseen by autograd", () => {
    const parameter = new Parameter(tensor([-1, 0, 2, Number.NaN, Number.NEGATIVE_INFINITY]));
    expect(constrain.nonNeg_(parameter)).toBe(parameter);
    expect([...parameter.dataSync()].map((w) => w + 0)).toEqual([0, 0, 2, Number.NaN, 0]);
    expect(parameter.isLeaf && parameter.requiresGrad).toBe(true);
  });
});

describe("on a device that answers later", () => {
  it("constraints wait for nothing and leave nothing behind", async () => {
    const device = proxyDevice();
    const weight = new Parameter(tensor([3, 4, -6, 8], { shape: [2, 2], device }));
    const before = device.memory();
    constrain.maxNorm_(weight, { maxNorm: 5 });
    constrain.nonNeg_(weight);
    expect(device.memory()).toEqual(before);
    const got = [...(await weight.data())];
    for (const [k, want] of [3, 4, 0, 4].entries()) expect(got[k]).toBeCloseTo(want, 5);
  });
});
