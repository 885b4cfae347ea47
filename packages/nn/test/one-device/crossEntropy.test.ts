import {
  type ClassTarget,
  CrossEntropyLoss,
  type CrossEntropyOptions,
  crossEntropy,
  type LossReduction,
} from "@squall/nn";
import { type NestedArray, ones, rand, type Tensor, tensor, zeros } from "@squall/tensor";
import { gradcheck, gradgradcheck, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { expectClose, ramp } from "../pytorch.ts";
import { refusal } from "../refusal.ts";

const reductions: readonly LossReduction[] = ["mean", "sum", "none"];
const reduction = fc.constantFrom(...reductions);
const labelSmoothing = fc.constantFrom(0, 0, 0.1, 1);
const float64 = { dtype: "float64" } as const;

/** Logits `[N, C, …]`, a class number for each place, and weights of the classes or none. */
const numbered = fc
  .tuple(shapes({ minRank: 1, maxRank: 3, maxSize: 3 }), fc.integer({ min: 1, max: 4 }))
  .chain(([[batch = 1, ...places], classes]) => {
    const count = places.reduce((n, k) => n * k, batch);
    return fc.record({
      x: tensors([batch, classes, ...places], { low: -3, high: 3 }),
      // -1 is to be ignored.
      y: fc.array(fc.integer({ min: -1, max: classes - 1 }), { minLength: count, maxLength: count }),
      weight: fc.option(tensors([classes], { low: 0.1, high: 2 }), { nil: undefined }),
      shape: fc.constant([batch, ...places]),
    });
  });

/** Logits, probabilities or other shares of their shape, and weights of the classes or none. */
const shared = shapes({ minRank: 2, maxRank: 4, maxSize: 3 }).chain((shape) =>
  fc.record({
    x: tensors(shape, { low: -3, high: 3 }),
    q: tensors(shape, { low: 0, high: 1 }),
    weight: fc.option(tensors(shape.slice(1, 2), { low: 0.1, high: 2 }), { nil: undefined }),
  }),
);

/** The loss of each place by the formula, and the weight that it has in the mean. */
function directly(
  x: Tensor,
  share: (place: number, c: number) => number,
  chosen: (place: number) => number | undefined,
  weight: Tensor | undefined,
): { readonly losses: number[]; readonly counts: number[] } {
  const [batch = 0, classes = 0, ...places] = x.shape;
  const inner = places.reduce((n, k) => n * k, 1);
  const values = x.dataSync();
  const w = [...(weight?.dataSync() ?? new Array<number>(classes).fill(1))];
  const losses: number[] = [];
  const counts: number[] = [];
  for (let place = 0; place < batch * inner; place++) {
    const logits = w.map((_, c) => values[(Math.floor(place / inner) * classes + c) * inner + (place % inner)]);
    const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
    const costs = logits.map((value, c) => -w[c] * share(place, c) * (value - Math.log(total)));
    losses.push(costs.reduce((sum, value) => sum + value, 0));
    const y = chosen(place);
    counts.push(y === undefined ? 0 : w[y]);
  }
  return { losses, counts };
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Options without what is not given. */
function withWeight(weight: Tensor | undefined): CrossEntropyOptions {
  return weight === undefined ? {} : { weight };
}

/** Nested arrays of a shape. */
function nest(values: readonly number[], shape: readonly number[]): NestedArray {
  return tensor([...values], { ...float64, shape }).toArray();
}

describe("crossEntropy of class numbers", () => {
  it("is the formula at every place, and its mean is weighted", () => {
    fc.assert(
      fc.property(numbered, labelSmoothing, ({ x, y, weight, shape }, smoothing) => {
        const classes = x.shape[1];
        const at = (place: number): number | undefined => (y[place] < 0 ? undefined : y[place]);
        const share = (place: number, c: number): number =>
          at(place) === undefined ? 0 : (1 - smoothing) * Number(at(place) === c) + smoothing / classes;
        const { losses, counts } = directly(x, share, at, weight);
        const options = { ...withWeight(weight), ignoreIndex: -1, labelSmoothing: smoothing };
        const target = tensor(y, { ...float64, shape });
        const none = crossEntropy(x, target, { ...options, reduction: "none" });
        expect(none.shape).toEqual(shape);
        expectClose(none, losses);
        expectClose(crossEntropy(x, target, { ...options, reduction: "sum" }), [total(losses)]);
        const mean = crossEntropy(x, target, options);
        expect(mean.shape).toEqual([]);
        if (total(counts) === 0) expect(mean.itemSync()).toBeNaN();
        else expectClose(mean, [total(losses) / total(counts)]);
      }),
      { numRuns: 60 },
    );
  });

  it("takes them as a tensor, nested arrays or a typed array", () => {
    fc.assert(
      fc.property(numbered, ({ x, y, shape }) => {
        const expected = crossEntropy(x, tensor(y, { ...float64, shape }), { reduction: "none", ignoreIndex: -1 });
        for (const target of [nest(y, shape), Int8Array.from(y), Float32Array.from(y), Float64Array.from(y)]) {
          const loss = crossEntropy(x, target, { reduction: "none", ignoreIndex: -1 });
          expect(loss.toArray()).toEqual(expected.toArray());
        }
      }),
      { numRuns: 20 },
    );
  });

  it("has gradients of first and second order, of logits and weights", () => {
    fc.assert(
      fc.property(numbered, reduction, labelSmoothing, ({ x, y, weight, shape }, reduction, labelSmoothing) => {
        // The mean of nothing has no gradient.
        const target = tensor(
          y.map((n, place) => (place === 0 ? Math.max(n, 0) : n)),
          { ...float64, shape },
        );
        const options = { reduction, labelSmoothing, ignoreIndex: -1 };
        // Weights that are not given are 1, which is a weight like any other.
        const w = weight ?? ones(x.shape.slice(1, 2), { ...float64, requiresGrad: true });
        const fn = (a: Tensor, b: Tensor): Tensor => crossEntropy(a, target, { ...options, weight: b });
        gradcheck(fn, [x, w]);
        gradgradcheck(fn, [x, w]);
        gradcheck((a) => crossEntropy(a, target, options), [x]);
      }),
      { numRuns: 25 },
    );
  });

  it("is the cross entropy of probabilities that are 0 and 1", () => {
    fc.assert(
      fc.property(numbered, labelSmoothing, ({ x, y, shape }, labelSmoothing) => {
        const [, classes = 0] = x.shape;
        const numbers = tensor(
          y.map((n) => Math.max(n, 0)),
          { ...float64, shape },
        );
        const all = tensor(
          Array.from({ length: classes }, (_, c) => c),
          { ...float64, shape: [classes, ...shape.slice(1).map(() => 1)] },
        );
        const oneHot = numbers.unsqueeze(1).eq(all);
        const expected = crossEntropy(x, oneHot, { labelSmoothing });
        expectClose(crossEntropy(x, numbers, { labelSmoothing }), [expected.itemSync()]);
      }),
      { numRuns: 20 },
    );
  });

  it("ignores -100 unless told otherwise, and any number that it is told to", () => {
    const x = ramp(2, 3);
    const first = crossEntropy(x.narrow(0, 0, 1), [1]).itemSync();
    expect(crossEntropy(x, [1, -100]).itemSync()).toBeCloseTo(first, 14);
    expect(crossEntropy(x, Uint8Array.of(1, 255), { ignoreIndex: 255 }).itemSync()).toBeCloseTo(first, 14);
    expect(crossEntropy(x, [1, 2], { ignoreIndex: 2 }).itemSync()).toBeCloseTo(first, 14);
    expect(crossEntropy(x, [2, 2], { ignoreIndex: 2 }).itemSync()).toBeNaN();
    expect(crossEntropy(x, [2, 2], { ignoreIndex: 2, reduction: "sum" }).itemSync()).toBe(0);
  });
});

describe("crossEntropy of probabilities", () => {
  it("is the formula at every place, and its mean is over all places", () => {
    fc.assert(
      fc.property(shared, labelSmoothing, ({ x, q, weight }, smoothing) => {
        const [batch, classes = 0, ...places] = x.shape;
        const inner = places.reduce((n, k) => n * k, 1);
        const values = q.dataSync();
        const share = (place: number, c: number): number =>
          values[(Math.floor(place / inner) * classes + c) * inner + (place % inner)] * (1 - smoothing) +
          smoothing / classes;
        const { losses } = directly(x, share, () => undefined, weight);
        const options = { ...withWeight(weight), labelSmoothing: smoothing };
        const none = crossEntropy(x, q, { ...options, reduction: "none" });
        expect(none.shape).toEqual([batch, ...places]);
        expectClose(none, losses);
        expectClose(crossEntropy(x, q, { ...options, reduction: "sum" }), [total(losses)]);
        expectClose(crossEntropy(x, q, options), [total(losses) / losses.length]);
      }),
      { numRuns: 40 },
    );
  });

  it("has gradients of first and second order, of logits, probabilities and weights", () => {
    fc.assert(
      fc.property(shared, reduction, labelSmoothing, ({ x, q, weight }, reduction, labelSmoothing) => {
        const options = { reduction, labelSmoothing };
        const w = weight ?? ones(x.shape.slice(1, 2), { ...float64, requiresGrad: true });
        const fn = (a: Tensor, b: Tensor, c: Tensor): Tensor => crossEntropy(a, b, { ...options, weight: c });
        gradcheck(fn, [x, q, w]);
        gradgradcheck(fn, [x, q, w]);
        gradcheck((a, b) => crossEntropy(a, b, options), [x, q]);
      }),
      { numRuns: 25 },
    );
  });
});

describe("the numbers of PyTorch", () => {
  // x = (3 * ramp(2, 3, 3)).requires_grad_(); y = torch.tensor([[0, 2, -100], [1, 1, 0]]); q = ramp(2, 3, 3).abs()
  // w = torch.tensor([0.5, 1., 3.]); l = F.cross_entropy(x, y or q, reduction=…, weight=w, …); print(l); l.backward(); print(x.grad)
  const y = [
    [0, 2, -100],
    [1, 1, 0],
  ];
  const weight = [0.5, 1, 3];

  it.each<[string, ClassTarget, CrossEntropyOptions, number[], number, number[]]>([
    [
      "class numbers",
      y,
      {},
      [0.067656360661248, 4.2753845565049, 0, 0.36143371726216, 3.3328278873517, 0.10125342859781],
      1.6277111900756,
      [
        -0.013083684520526, 0.1246503898137, 0, 0.0075822267517491, 0.072568270230569, 0, 0.0055014577687772,
        -0.19721866004427, 0, 0.010769159342869, 0.0011721424584442, -0.01925920411392, -0.060664645562202,
        -0.1928615941637, 0.008769776321788, 0.049895486219333, 0.19168945170525, 0.010489427792132,
      ],
    ],
    [
      "weighted",
      y,
      { weight },
      [0.033828180330624, 12.826153669515, 0, 0.36143371726216, 3.3328278873517, 0.050626714298904],
      2.7674783614597,
      [
        -0.005451535216886, 0.31162597453425, 0, 0.0031592611465621, 0.18142067557642, 0, 0.0022922740703238,
        -0.49304665011067, 0, 0.0089742994523905, 0.00097678538203686, -0.0080246683807998, -0.050553871301835,
        -0.16071799513641, 0.0036540734674117, 0.041579571849444, 0.15974120975438, 0.0043705949133882,
      ],
    ],
    [
      "weighted and smoothed",
      y,
      { weight, labelSmoothing: 0.2 },
      [0.96614597128614, 11.199345967185, 0, 0.68830761763789, 3.0682551220161, 0.84193345546658],
      2.7939980222652,
      [
        0.036812295140804, 0.27490782152527, 0, -0.0066881455059241, 0.15216749690767, 0, -0.03012414963488,
        -0.42707531843294, 0, 0.004316173842074, -0.004481091635315, 0.033209908711325, -0.016720369543129,
        -0.13790090576116, -0.0059954082567348, 0.012404195701055, 0.14238199739648, -0.02721450045459,
      ],
    ],
    [
      "probabilities, weighted and smoothed",
      ramp(2, 3, 3).abs(),
      { weight, labelSmoothing: 0.2 },
      [10.556619693822, 5.3773710093818, 2.6559472345307, 2.8650393458706, 3.588533515021, 8.6087878330979],
      5.6087164386206,
      [
        0.46503853315505, 0.15265299570251, -0.03627148354103, -0.094257629862215, 0.019089305137808, 0.041445754897525,
        -0.37078090329284, -0.17174230084031, -0.0051742713564951, 0.010569166692975, -0.069573643535954,
        0.43096795218079, 0.16230655999257, -0.048080141405316, -0.10393987932964, -0.17287572668554, 0.11765378494127,
        -0.32702807285116,
      ],
    ],
  ])("%s", (_, target, options, losses, mean, gradient) => {
    const x = ramp(2, 3, 3).mul(3).requiresGrad_();
    expectClose(crossEntropy(x, target, { ...options, reduction: "none" }), losses);
    expectClose(crossEntropy(x, target, { ...options, reduction: "sum" }), [total(losses)]);
    const loss = crossEntropy(x, target, options);
    expectClose(loss, [mean]);
    loss.backward();
    expectClose(x.grad, gradient);
  });
});

describe("at the edges", () => {
  it.each(["float32", "float64"] as const)(
    "logits of ±10⁴ cost what they must in %s, with finite gradients",
    (dtype) => {
      const x = tensor(
        [
          [1e4, -1e4],
          [1e4, -1e4],
        ],
        { dtype, requiresGrad: true },
      );
      const losses = crossEntropy(x, [0, 1], { reduction: "none" });
      expect(losses.toArray()).toEqual([0, 20000]);
      losses.sum().backward();
      expect(x.grad?.toArray()).toEqual([
        [0, 0],
        [1, -1],
      ]);
    },
  );

  it("a class that is ruled out costs nothing unless it is the target", () => {
    const x = tensor([[0, Number.NEGATIVE_INFINITY, 0]], { dtype: "float64", requiresGrad: true });
    const weight = tensor([1, 1, 1], { dtype: "float64", requiresGrad: true });
    for (const target of [[2], tensor([[0, 0, 1]], float64)]) {
      x.zeroGrad();
      weight.zeroGrad();
      const loss = crossEntropy(x, target, { weight, reduction: "sum" });
      loss.backward();
      expectClose(loss, [Math.LN2]);
      expectClose(x.grad, [0.5, 0, -0.5]);
      expectClose(weight.grad, [0, 0, Math.LN2]);
    }
    expect(crossEntropy(x, [1]).itemSync()).toBe(Number.POSITIVE_INFINITY);
  });

  it("the mean of nothing is NaN and the sum 0", () => {
    for (const target of [zeros([0, 2]), zeros([0, 3, 2])]) {
      expect(crossEntropy(zeros([0, 3, 2]), target).itemSync()).toBeNaN();
      expect(crossEntropy(zeros([0, 3, 2]), target, { reduction: "sum" }).itemSync()).toBe(0);
    }
  });

  it("a sequence is one batch of frames", () => {
    const logits = rand([3, 2, 4, 5, 5]);
    const labels = rand([3, 2, 5, 5]).mul(4).floor();
    const all = crossEntropy(logits.flatten(0, 1), labels.flatten(0, 1)).itemSync();
    const steps = Array.from({ length: 3 }, (_, t) =>
      crossEntropy(logits.select(0, t), labels.select(0, t)).itemSync(),
    );
    expect(all).toBeCloseTo(total(steps) / 3, 5);
  });
});

describe("on a device that answers later", () => {
  it("arrays are checked before they go there, and tensors make NaN of what is no class", async () => {
    const device = proxyDevice();
    const host = rand([2, 3, 2]);
    const x = host.to(device);
    const y = [
      [0, 2],
      [1, -100],
    ];
    const weight = [1, 2, 3];
    const expected = crossEntropy(host, y, { weight }).itemSync();
    expect(await crossEntropy(x, y, { weight }).item()).toBe(expected);
    expect(await crossEntropy(x, tensor(y).to(device), { weight }).item()).toBe(expected);
    expect(() => crossEntropy(x, [[0, 3], y[1]])).toThrow("crossEntropy: the target at [0,1] is 3, but");
    for (const wrong of [3, -1, 0.5, Number.NaN]) {
      const target = tensor([[0, wrong], y[1]]).to(device);
      expect(await crossEntropy(x, target).item()).toBeNaN();
      const [[first, second]] = nestedPairs(await crossEntropy(x, target, { reduction: "none" }).data());
      expect([Number.isFinite(first), second]).toEqual([true, Number.NaN]);
    }
  });

  function nestedPairs(values: ArrayLike<number>): [number, number][] {
    return Array.from({ length: values.length / 2 }, (_, k) => [values[2 * k], values[2 * k + 1]]);
  }
});

describe("CrossEntropyLoss", () => {
  it("computes what the function does, with the options of its construction", () => {
    const [x, q] = [ramp(2, 3, 2), ramp(2, 3, 2).abs()];
    const weight = tensor([1, 2, 3], float64);
    const y: ClassTarget = [
      [0, 2],
      [1, 9],
    ];
    for (const reduction of reductions) {
      const options = { reduction, weight, labelSmoothing: 0.1 };
      expect(new CrossEntropyLoss(options).forward(x, q).toArray()).toEqual(crossEntropy(x, q, options).toArray());
      const ignoring = { ...options, ignoreIndex: 9 };
      expect(new CrossEntropyLoss(ignoring).forward(x, y).toArray()).toEqual(crossEntropy(x, y, ignoring).toArray());
    }
    const plain = new CrossEntropyLoss();
    expect([plain.reduction, plain.weight, plain.labelSmoothing]).toEqual(["mean", undefined, 0]);
    expect(plain.forward(x, q).shape).toEqual([]);
  });

  it("has its weights as a buffer: saved and converted with the module, not trained", () => {
    const loss = new CrossEntropyLoss({ weight: [1, 2, 3] }).to("float64");
    expect(Object.keys(loss.stateDict())).toEqual(["weight"]);
    expect(loss.parameters()).toEqual([]);
    expect(loss.forward(ramp(2, 3), [0, 1]).dtype).toBe("float64");
  });

  it("refuses options that are out of range", () => {
    expect(() => new CrossEntropyLoss({ labelSmoothing: 2 })).toThrow(
      refusal("ArgumentError", "CrossEntropyLoss: labelSmoothing must be a number in [0, 1], got 2"),
    );
  });
});

describe("crossEntropy refuses", () => {
  const x = zeros([2, 4, 3, 5]);
  const y = (value: number): number[][][] =>
    Array.from({ length: 2 }, (_, n) =>
      Array.from({ length: 3 }, (_, i) =>
        Array.from({ length: 5 }, (_, j) => (n === 1 && i === 2 && j === 3 ? value : 0)),
      ),
    );
  const classes = "but the classes of logits [2,4,3,5] are the whole numbers 0 to 3";

  it.each([
    [4, "to leave such places out, give ignoreIndex: 4"],
    [-1, "to leave such places out, give ignoreIndex: -1"],
    [0.5, "probabilities have the shape [2,4,3,5]"],
    [Number.NaN, "probabilities have the shape [2,4,3,5]"],
    [Number.POSITIVE_INFINITY, "probabilities have the shape [2,4,3,5]"],
  ])("the class %d, in a tensor or an array", (value, remedy) => {
    const error = refusal("ArgumentError", `crossEntropy: the target at [1,2,3] is ${value}, ${classes}; ${remedy}`);
    expect(() => crossEntropy(x, y(value))).toThrow(error);
    expect(() => crossEntropy(x, tensor(y(value)))).toThrow(error);
    expect(() => crossEntropy(x, Float32Array.from(y(value).flat(2)))).toThrow(error);
  });

  const either = "the target must be class numbers [2,3,5] or probabilities [2,4,3,5] for logits [2,4,3,5] [N,C,…]";

  it.each<[string, ClassTarget, string]>([
    ["a missing axis", zeros([2, 3]), "got [2,3]"],
    ["an axis of one channel", zeros([2, 1, 3, 5]), "got [2,1,3,5]; drop the axis of one channel: squeeze(1)"],
    ["other classes", zeros([2, 5, 3, 5]), "got [2,5,3,5]"],
    ["too few numbers", [[0]], "got [1,1]"],
    ["a typed array of another length", new Uint8Array(31), "got [31]"],
  ])("%s", (_, target, got) => {
    expect(() => crossEntropy(x, target)).toThrow(refusal("ShapeError", `crossEntropy: ${either}, ${got}`));
  });

  it("logits without classes or batch", () => {
    expect(() => crossEntropy(zeros([3]), [0])).toThrow(
      refusal(
        "ShapeError",
        "crossEntropy: needs logits [N, C, …], got shape [3]; a single sample gets its axis by unsqueeze(0)",
      ),
    );
  });

  it("weights that do not fit the classes", () => {
    const text = "crossEntropy: weight must have one number per class, [4] for logits [2,4,3,5] [N,C,…], got";
    expect(() => crossEntropy(x, y(0), { weight: [1, 2] })).toThrow(refusal("ShapeError", `${text} [2]`));
    expect(() => crossEntropy(x, y(0), { weight: zeros([4, 1]) })).toThrow(refusal("ShapeError", `${text} [4,1]`));
  });

  it("tensors of other dtypes and devices", () => {
    expect(() => crossEntropy(x, zeros([2, 3, 5], float64))).toThrow(
      refusal("DTypeError", 'crossEntropy: input is float32 but target is float64; convert one with to("float32")'),
    );
    expect(() => crossEntropy(x, y(0), { weight: zeros([4], float64) })).toThrow(
      refusal("DTypeError", 'crossEntropy: input is float32 but weight is float64; convert one with to("float32")'),
    );
    expect(() => crossEntropy(x, zeros([2, 3, 5]).to(proxyDevice()))).toThrow(
      refusal("DeviceError", "crossEntropy: input is on cpu but target is on proxy; move one with to()"),
    );
  });

  it("what is neither a tensor nor an array", () => {
    // @ts-expect-error a string is no target
    expect(() => crossEntropy(x, "rain")).toThrow(
      refusal("ArgumentError", "crossEntropy: the target must be a tensor or an array of class numbers, got string"),
    );
    // @ts-expect-error nor is null
    expect(() => crossEntropy(x, null)).toThrow(
      refusal("ArgumentError", "crossEntropy: the target must be a tensor or an array of class numbers, got null"),
    );
    // @ts-expect-error logits are no array
    expect(() => crossEntropy([[1, 2]], [0])).toThrow(
      refusal("ArgumentError", "crossEntropy: the input must be a tensor, got object"),
    );
  });

  it.each<[CrossEntropyOptions, string]>([
    [{ ignoreIndex: 0.5 }, "ignoreIndex must be a whole number, got 0.5"],
    [{ labelSmoothing: -0.1 }, "labelSmoothing must be a number in [0, 1], got -0.1"],
    [{ labelSmoothing: Number.NaN }, "labelSmoothing must be a number in [0, 1], got NaN"],
  ])("%j", (options, text) => {
    expect(() => crossEntropy(x, y(0), options)).toThrow(refusal("ArgumentError", `crossEntropy: ${text}`));
  });

  it("an ignoreIndex for probabilities", () => {
    expect(() => crossEntropy(x, zeros([2, 4, 3, 5]), { ignoreIndex: 0 })).toThrow(
      refusal(
        "ArgumentError",
        "crossEntropy: ignoreIndex (=0) is for class numbers, not for probabilities; leave it out",
      ),
    );
  });
});
