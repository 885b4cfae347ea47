import { metrics } from "@squall/nn";
import { type DType, type Tensor, tensor, zeros } from "@squall/tensor";
import { shapes } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { expectClose } from "../pytorch.ts";
import { refusal } from "../refusal.ts";

const names = ["hits", "misses", "falseAlarms", "correctNegatives"] as const;
type Counts = Record<(typeof names)[number], number>;

/** Values around the threshold 0.7, the nearest of float32 among them, and what is missing. */
const value = fc.constantFrom(0, 0.5, 0.7, Math.fround(0.7), 0.8, 3, Number.NaN);

interface Problem {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly forecast: readonly number[];
  readonly target: readonly number[];
}

const problems: fc.Arbitrary<Problem> = shapes({ minSize: 0 }).chain((shape) => {
  const length = shape.reduce((n, k) => n * k, 1);
  const values = fc.array(value, { minLength: length, maxLength: length });
  return fc.record({
    shape: fc.constant(shape),
    dtype: fc.constantFrom<DType>("float32", "float64"),
    forecast: values,
    target: values,
  });
});

/** Pixel by pixel. */
function countDirectly(forecast: ArrayLike<number>, target: ArrayLike<number>, threshold: number): Counts {
  const counts: Counts = { hits: 0, misses: 0, falseAlarms: 0, correctNegatives: 0 };
  for (let k = 0; k < forecast.length; k++) {
    if (Number.isNaN(forecast[k]) || Number.isNaN(target[k])) continue;
    const [warned, came] = [forecast[k] >= threshold, target[k] >= threshold];
    if (warned) counts[came ? "hits" : "falseAlarms"]++;
    else counts[came ? "misses" : "correctNegatives"]++;
  }
  return counts;
}

function countsOf({ hits, misses, falseAlarms, correctNegatives }: Counts): metrics.ContingencyCounts {
  const number = (n: number): Tensor => tensor(n, { dtype: "float64" });
  return {
    hits: number(hits),
    misses: number(misses),
    falseAlarms: number(falseAlarms),
    correctNegatives: number(correctNegatives),
  };
}

describe("metrics.contingency", () => {
  it("counts events that were forecast and came, whatever the dtype, and skips NaN", () => {
    fc.assert(
      fc.property(problems, ({ shape, dtype, forecast, target }) => {
        const [p, t] = [forecast, target].map((values) => tensor([...values], { shape, dtype, requiresGrad: true }));
        const counts = metrics.contingency(p, t, { threshold: 0.7 });
        const want = countDirectly(p.dataSync(), t.dataSync(), dtype === "float32" ? Math.fround(0.7) : 0.7);
        for (const name of names) {
          expect([counts[name].shape, counts[name].requiresGrad]).toEqual([[], false]);
          expect(counts[name].itemSync(), name).toBe(want[name]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("counts over some axes, and counts of parts add up", () => {
    const t = tensor([0, 1, 1, 0, 1, 1], { shape: [2, 3] });
    const p = tensor([0, 1, 0, 1, 1, 1], { shape: [2, 3] });
    const perColumn = metrics.contingency(p, t, { threshold: 1, dim: 0 });
    expect(names.map((name) => perColumn[name].toArray())).toEqual([
      [0, 2, 1],
      [0, 0, 1],
      [1, 0, 0],
      [1, 0, 0],
    ]);
    const [first, second] = [0, 1].map((row) =>
      metrics.contingency(p.select(0, row), t.select(0, row), { threshold: 1 }),
    );
    const total = metrics.addCounts(first, second);
    const whole = metrics.contingency(p, t, { threshold: 1 });
    for (const name of names) expect(total[name].itemSync()).toBe(whole[name].itemSync());
    expect(() => metrics.addCounts(whole, perColumn)).toThrow(
      refusal(
        "ShapeError",
        "addCounts: counts of the shapes [] and [3] do not belong together; count over the same axes",
      ),
    );
  });

  it("refuses what does not fit", () => {
    const x = zeros([2]);
    expect(() => metrics.contingency(x, x, { threshold: Number.NaN })).toThrow(
      refusal("ArgumentError", "contingency: threshold must be a finite number, got NaN"),
    );
    expect(() => metrics.contingency(x, zeros([3]), { threshold: 1 })).toThrow(
      refusal(
        "ShapeError",
        "contingency: forecast and target must have the same shape, got forecast [2] and target [3]; reshape or expand one",
      ),
    );
    expect(() => metrics.contingency(x, x, { threshold: 1, dim: 1 })).toThrow(
      refusal("ShapeError", "sum: there is no axis 1 in shape [2]; axes go from -1 to 0"),
    );
  });
});

describe("scores", () => {
  it("are the formulas, NaN where they are 0/0", () => {
    const some = fc.record({ hits: fc.nat(5), misses: fc.nat(5), falseAlarms: fc.nat(5), correctNegatives: fc.nat(5) });
    fc.assert(
      fc.property(some, (counts) => {
        const { hits: a, falseAlarms: b, misses: c, correctNegatives: d } = counts;
        const tensors = countsOf(counts);
        const scores: readonly (readonly [Tensor, number, number])[] = [
          [metrics.csi(tensors), a, a + b + c],
          [metrics.pod(tensors), a, a + c],
          [metrics.far(tensors), b, a + b],
          [metrics.hss(tensors), 2 * (a * d - b * c), (a + c) * (c + d) + (a + b) * (b + d)],
        ];
        for (const [score, numerator, denominator] of scores) {
          if (denominator === 0) expect(score.itemSync()).toBeNaN();
          else expectClose(score, [numerator / denominator]);
        }
        const inRow = (n: number): number => (a + b + c + d === n ? 1 : 0);
        expect(Number.isNaN(metrics.hss(tensors).itemSync())).toBe(inRow(a) + inRow(d) > 0);
      }),
      { numRuns: 100 },
    );
  });

  it("of perfect forecasts are 1, 1, 0 and 1, of the opposite 0, 0, 1 and -1", () => {
    const scoresOf = (counts: Counts): number[] => {
      const tensors = countsOf(counts);
      return [metrics.csi, metrics.pod, metrics.far, metrics.hss].map((score) => score(tensors).itemSync());
    };
    expect(scoresOf({ hits: 3, misses: 0, falseAlarms: 0, correctNegatives: 4 })).toEqual([1, 1, 0, 1]);
    expect(scoresOf({ hits: 0, misses: 3, falseAlarms: 3, correctNegatives: 0 })).toEqual([0, 0, 1, -1]);
  });

  it("are made on a device that answers later, too, leaving nothing behind", async () => {
    const device = proxyDevice();
    const p = tensor([1, 1, 0, 0], { device });
    const t = tensor([1, 0, 1, 0], { device });
    const before = device.memory();
    const { storages = Number.NaN, bytes = Number.NaN } = before;
    const counts = metrics.contingency(p, t, { threshold: 0.5 });
    expect(device.memory()).toEqual({ storages: storages + 4, bytes: bytes + 16 });
    for (const [score, want] of [
      [metrics.csi(counts), 1 / 3],
      [metrics.hss(counts), 0],
    ] as const) {
      expect(await score.item()).toBeCloseTo(want, 6);
      score.dispose();
    }
    for (const name of names) counts[name].dispose();
    expect(device.memory()).toEqual(before);
  });
});
