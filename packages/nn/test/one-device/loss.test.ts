import {
  BCELoss,
  BCEWithLogitsLoss,
  bce,
  bceWithLogits,
  HuberLoss,
  huber,
  L1Loss,
  type LossReduction,
  l1,
  MSELoss,
  mse,
} from "@squall/nn";
import { grad, type Tensor, tensor, zeros } from "@squall/tensor";
import { awayFrom, gradcheck, gradgradcheck, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../pytorch.ts";

const reductions: readonly LossReduction[] = ["mean", "sum", "none"];
const reduction = fc.constantFrom(...reductions);

function leaf(values: number[], dtype: "float32" | "float64" = "float64"): Tensor {
  return tensor(values, { dtype, requiresGrad: true });
}

describe("the numbers of PyTorch", () => {
  // x = torch.tensor([0.5, -3., 2., 1.], requires_grad=True); t = torch.tensor([0., 1., 1.5, 1.])
  // for f in [F.mse_loss, F.l1_loss, partial(F.huber_loss, delta=0.5)]:
  //   for r in ["mean", "sum", "none"]: l = f(x, t, reduction=r); print(l); l.sum().backward(); print(x.grad)
  it.each([
    ["mse", mse, [0.25, 16, 0.25, 0], [1, -8, 1, 0]],
    ["l1", l1, [0.5, 4, 0.5, 0], [1, -1, 1, 0]],
    [
      "huber",
      (a: Tensor, b: Tensor, options: { reduction: LossReduction }) => huber(a, b, { ...options, delta: 0.5 }),
      [0.125, 1.875, 0.125, 0],
      [0.5, -0.5, 0.5, 0],
    ],
  ] as const)("%s", (_, loss, losses, gradients) => {
    const total = losses.reduce<number>((sum, value) => sum + value, 0);
    const expected = { none: losses, sum: [total], mean: [total / 4] };
    for (const reduction of reductions) {
      const x = leaf([0.5, -3, 2, 1]);
      const t = leaf([0, 1, 1.5, 1]);
      const value = loss(x, t, { reduction });
      expectClose(value, expected[reduction]);
      expect(value.shape).toEqual(reduction === "none" ? [4] : []);
      value.sum().backward();
      const scaled = gradients.map((g) => (reduction === "mean" ? g / 4 : g));
      expectClose(x.grad, scaled);
      expectClose(
        t.grad,
        scaled.map((g) => -g),
      );
    }
  });

  // p = torch.tensor([0., 1., 0., 1., 0.25, 1e-9], requires_grad=True); t = torch.tensor([1., 0., 0., 1., 0.75, 0.5])
  // l = F.binary_cross_entropy(p, t, reduction="none"); print(l); l.sum().backward(); print(p.grad)
  // (PyTorch keeps its 1e-12 in float32 and prints ±1000000003995.8 at the ends.)
  it("bce", () => {
    const p = leaf([0, 1, 0, 1, 0.25, 1e-9]);
    const losses = bce(p, tensor([1, 0, 0, 1, 0.75, 0.5], { dtype: "float64" }), { reduction: "none" });
    expectClose(losses, [100, 100, 0, 0, 1.11164128895286, 10.36163291897321]);
    losses.sum().backward();
    const gradients = [...(p.grad?.dataSync() ?? [])];
    expect(gradients.slice(0, 4)).toEqual([-1e12, 1e12, 0, 0]);
    expect(gradients[4]).toBeCloseTo(-2.66666666666667, 12);
    expect((gradients[5] ?? 0) / -499999999.49999994).toBeCloseTo(1, 12);
  });

  // x = torch.tensor([-1e4, 1e4, -1e4, 1e4, 0., -2.5], requires_grad=True); t = torch.tensor([1., 0., 0., 1., 0.25, 0.75])
  // l = F.binary_cross_entropy_with_logits(x, t, reduction="none"); print(l); l.sum().backward(); print(x.grad)
  it("bceWithLogits", () => {
    const x = leaf([-1e4, 1e4, -1e4, 1e4, 0, -2.5]);
    const t = tensor([1, 0, 0, 1, 0.25, 0.75], { dtype: "float64" });
    const losses = bceWithLogits(x, t, { reduction: "none" });
    expectClose(losses, [10000, 10000, 0, 0, Math.LN2, 1.95388973429255]);
    losses.sum().backward();
    expectClose(x.grad, [-1, 1, 0, 0, 0.25, -0.67414181997876]);
  });

  // … pos_weight=torch.tensor([3., 0.5, 1.]).repeat(2)
  it("bceWithLogits with posWeight", () => {
    const x = leaf([-1e4, 1e4, -1e4, 1e4, 0, -2.5]);
    const t = tensor([1, 0, 0, 1, 0.25, 0.75], { dtype: "float64" });
    const posWeight = tensor([3, 0.5, 1, 3, 0.5, 1], { dtype: "float64" });
    const losses = bceWithLogits(x, t, { reduction: "none", posWeight });
    expectClose(losses, [30000, 10000, 0, 0, 0.60650378298995, 1.95388973429255]);
    losses.sum().backward();
    expectClose(x.grad, [-3, 1, 0, 0, 0.3125, -0.67414181997876]);
  });
});

/** An input and a target of one shape, the input `low` to `high`, their difference away from `kinks`. */
function pairs(kinks: readonly number[]): fc.Arbitrary<[Tensor, Tensor]> {
  return shapes().chain((shape) =>
    fc
      .tuple(tensors(shape, { keep: awayFrom(kinks), requiresGrad: false }), tensors(shape))
      .map(([difference, target]) => [target.detach().add(difference).requiresGrad_(), target]),
  );
}

function probabilities(): fc.Arbitrary<[Tensor, Tensor]> {
  return shapes().chain((shape) =>
    fc.tuple(tensors(shape, { low: 0.1, high: 0.9 }), tensors(shape, { low: 0, high: 1 })),
  );
}

type PairLoss = (input: Tensor, target: Tensor, options: { reduction: LossReduction }) => Tensor;

describe("gradients of first and second order, of input and target", () => {
  it.each<readonly [string, PairLoss, fc.Arbitrary<[Tensor, Tensor]>]>([
    ["bce", bce, probabilities()],
    ["bceWithLogits", bceWithLogits, pairs([])],
    ["mse", mse, pairs([])],
    ["l1", l1, pairs([0])],
    ["huber", (a, b, options) => huber(a, b, { ...options, delta: 0.7 }), pairs([0.7, -0.7])],
  ])("%s", (_, loss, pair) => {
    fc.assert(
      fc.property(pair, reduction, ([input, target], reduction) => {
        const fn = (a: Tensor, b: Tensor): Tensor => loss(a, b, { reduction });
        gradcheck(fn, [input, target]);
        gradgradcheck(fn, [input, target]);
      }),
      { numRuns: 25 },
    );
  });

  it("bceWithLogits with a broadcast posWeight, of the weight too", () => {
    const cases = fc.tuple(tensors([2, 3, 2]), tensors([2, 3, 2], { low: 0, high: 1 }), tensors([3, 1], { low: 0.5 }));
    fc.assert(
      fc.property(cases, reduction, ([x, t, posWeight], reduction) => {
        const fn = (a: Tensor, b: Tensor, w: Tensor): Tensor => bceWithLogits(a, b, { reduction, posWeight: w });
        gradcheck(fn, [x, t, posWeight]);
        gradgradcheck(fn, [x, t, posWeight]);
      }),
      { numRuns: 15 },
    );
  });
});

describe("at the edges", () => {
  it.each(["float32", "float64"] as const)("bce of sure answers has finite gradients of both orders in %s", (dtype) => {
    const p = leaf([0, 1, 0, 1], dtype);
    const t = leaf([1, 0, 0, 1], dtype);
    const first = grad([bce(p, t, { reduction: "sum" })], [p, t], { createGraph: true });
    expect([...first[1].dataSync()]).toEqual([100, -100, 100, -100]);
    const second = grad([first[0].sum()], [p, t]);
    for (const gradient of [...first, ...second]) expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
  });

  it("bceWithLogits of ±10⁴ has finite gradients of both orders", () => {
    for (const posWeight of [undefined, tensor(2)]) {
      const x = leaf([-1e4, 1e4, -1e4, 1e4], "float32");
      const t = leaf([1, 0, 0, 1], "float32");
      const [dx, dt] = grad([bceWithLogits(x, t, { reduction: "sum", posWeight })], [x, t], { createGraph: true });
      const second = grad([dx.sum().add(dt.sum())], [x, t], { allowUnused: true });
      for (const gradient of [dx, dt, ...second]) expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
    }
  });

  it("bceWithLogits is bce of the sigmoid", () => {
    fc.assert(
      fc.property(pairs([]), reduction, ([x, t], reduction) => {
        const expected = bce(x.sigmoid(), t, { reduction });
        expectClose(bceWithLogits(x, t, { reduction }), [...expected.dataSync()]);
      }),
      { numRuns: 30 },
    );
  });

  it("l1 has gradient 0 where both are equal, and huber is half the square there", () => {
    const x = leaf([1, 2]);
    l1(x, tensor([1, 2], { dtype: "float64" })).backward();
    expect([...(x.grad?.dataSync() ?? [])]).toEqual([0, 0]);
    expect(huber(leaf([1.5]), leaf([1]), { delta: 10 }).itemSync()).toBe(0.125);
  });

  it("the mean of nothing is NaN and the sum 0, as in PyTorch", () => {
    for (const loss of [bce, bceWithLogits, mse, l1, huber]) {
      expect(loss(zeros([0, 3]), zeros([0, 3])).itemSync()).toBeNaN();
      expect(loss(zeros([0, 3]), zeros([0, 3]), { reduction: "sum" }).itemSync()).toBe(0);
    }
  });
});

describe("modules", () => {
  it("compute what the functions do, with the options of their construction", () => {
    const [x, t] = [leaf([0.2, 0.9, 0.4]), leaf([0, 1, 0.5])];
    const posWeight = tensor(3, { dtype: "float64" });
    for (const reduction of reductions) {
      const expectSame = (a: Tensor, b: Tensor): void => expect(a.toArray()).toEqual(b.toArray());
      expectSame(new BCELoss({ reduction }).forward(x, t), bce(x, t, { reduction }));
      expectSame(
        new BCEWithLogitsLoss({ reduction, posWeight }).forward(x, t),
        bceWithLogits(x, t, { reduction, posWeight }),
      );
      expectSame(new MSELoss({ reduction }).forward(x, t), mse(x, t, { reduction }));
      expectSame(new L1Loss({ reduction }).forward(x, t), l1(x, t, { reduction }));
      expectSame(new HuberLoss({ reduction, delta: 0.3 }).forward(x, t), huber(x, t, { reduction, delta: 0.3 }));
    }
    for (const Loss of [BCELoss, BCEWithLogitsLoss, MSELoss, L1Loss, HuberLoss]) {
      const loss = new Loss();
      expect(loss.reduction).toBe("mean");
      expect(loss.stateDict()).toEqual({});
      expect(loss.forward(x, t).shape).toEqual([]);
    }
  });

  it("posWeight is a buffer: saved and converted with the module, not trained", () => {
    const loss = new BCEWithLogitsLoss({ posWeight: tensor([2]) }).to("float64");
    expect(Object.keys(loss.stateDict())).toEqual(["posWeight"]);
    expect(loss.parameters()).toEqual([]);
    expect(loss.forward(leaf([1]), leaf([1])).dtype).toBe("float64");
  });
});

describe("defects of other systems", () => {
  it("seed 2 (d): log(p) without a bound: sure and wrong answers cost 100, not infinity, and no gradient is NaN", () => {
    const p = leaf([0, 1, 0.5], "float32");
    const loss = bce(p, tensor([1, 0, 1]), { reduction: "sum" });
    loss.backward();
    expect(loss.itemSync()).toBeCloseTo(200 + Math.LN2, 3);
    expect(p.grad?.dataSync().every(Number.isFinite)).toBe(true);
  });

  it("seed 2 (f): mean and sum differ by the number of elements, 10·64·64 for a sequence of the paper", () => {
    const gradientOf = (reduction: LossReduction): number => {
      const x = zeros([10, 64, 64], { requiresGrad: true });
      bceWithLogits(x, zeros([10, 64, 64]), { reduction }).backward();
      return x.grad?.dataSync()[0] ?? Number.NaN;
    };
    expect(gradientOf("sum")).toBe(0.5);
    expect(gradientOf("mean")).toBeCloseTo(0.5 / 40960, 12);
  });
});
