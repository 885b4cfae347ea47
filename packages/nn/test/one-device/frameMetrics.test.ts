import { metrics } from "@squall/nn";
import { rand, type Tensor, tensor, zeros } from "@squall/tensor";
import { shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { expectClose } from "../pytorch.ts";
import { refusal } from "../refusal.ts";

/** A forecast and a target, frames `[…, C, H, W]`, which require a gradient. */
const forecasts = shapes({ minRank: 3, maxRank: 5, maxSize: 3 }).chain((shape) =>
  // Unlike ranges, so that equal seeds make no equal frames.
  fc.tuple(tensors(shape, { low: 0, high: 1 }), tensors(shape, { low: 0.1, high: 1 })),
);

/** The values of each frame of both sides. */
function framesOf(forecast: Tensor, target: Tensor): { readonly p: Float64Array; readonly t: Float64Array }[] {
  const size = forecast.shape.slice(-3).reduce((n, k) => n * k, 1);
  const cut = (x: Tensor, k: number): Float64Array => Float64Array.from(x.dataSync().slice(k * size, (k + 1) * size));
  return Array.from({ length: forecast.size / size }, (_, k) => ({ p: cut(forecast, k), t: cut(target, k) }));
}

const sum = (values: ArrayLike<number>, of: (value: number, k: number) => number): number =>
  Array.from(values, of).reduce((total, value) => total + value, 0);

const rain = (dBZ: number): number => (10 ** (dBZ / 10) / 118.239) ** (1 / 1.5241);

type FrameMetric = (forecast: Tensor, target: Tensor, options?: metrics.FrameOptions) => Tensor;

const formulas: readonly (readonly [string, FrameMetric, (p: Float64Array, t: Float64Array) => number])[] = [
  ["mse", metrics.mse, (p, t) => sum(p, (v, k) => (v - t[k]) ** 2)],
  ["mae", metrics.mae, (p, t) => sum(p, (v, k) => Math.abs(v - t[k]))],
  ["psnr", metrics.psnr, (p, t) => 10 * Math.log10(p.length / sum(p, (v, k) => (v - t[k]) ** 2))],
  [
    "correlation",
    metrics.correlation,
    (p, t) => sum(p, (v, k) => v * t[k]) / Math.sqrt(sum(p, (v) => v * v) * sum(t, (v) => v * v) + 1e-9),
  ],
  ["rainfallMse", metrics.rainfallMse, (p, t) => sum(p, (v, k) => (rain(v) - rain(t[k])) ** 2) / p.length],
];

/** Those that are functions of sums over all frames: the formula is one for any number of frames, of their mean. */
const pooled: readonly (readonly [
  string,
  FrameMetric,
  (p: Float64Array, t: Float64Array, frames: number) => number,
])[] = [
  ["rmse", metrics.rmse, (p, t, frames) => Math.sqrt(sum(p, (v, k) => (v - t[k]) ** 2) / frames)],
  ["snr", metrics.snr, (p, t) => 10 * Math.log10(sum(t, (v) => v * v) / sum(p, (v, k) => (v - t[k]) ** 2))],
];

describe.each(formulas)("metrics.%s", (_, metric, formula) => {
  it("is the formula per frame, averaged over frames, without gradient", () => {
    fc.assert(
      fc.property(forecasts, ([forecast, target]) => {
        const each = framesOf(forecast, target).map(({ p, t }) => formula(p, t));
        const perFrame = metric(forecast, target, { reduction: "none" });
        expect([perFrame.shape, perFrame.requiresGrad]).toEqual([forecast.shape.slice(0, -3), false]);
        expectClose(perFrame, each);
        const mean = metric(forecast, target);
        expect([mean.shape, mean.requiresGrad]).toEqual([[], false]);
        expectClose(mean, [sum(each, (v) => v) / each.length]);
      }),
      { numRuns: 20 },
    );
  });
});

describe.each(pooled)("metrics.%s", (_, metric, formula) => {
  it("is the formula of all frames together, or of each, without gradient", () => {
    fc.assert(
      fc.property(forecasts, ([forecast, target]) => {
        const frames = framesOf(forecast, target);
        const perFrame = metric(forecast, target, { reduction: "none" });
        expect([perFrame.shape, perFrame.requiresGrad]).toEqual([forecast.shape.slice(0, -3), false]);
        expectClose(
          perFrame,
          frames.map(({ p, t }) => formula(p, t, 1)),
        );
        const all = metric(forecast, target);
        expect([all.shape, all.requiresGrad]).toEqual([[], false]);
        const [p, t] = [forecast, target].map((side) => Float64Array.from(side.dataSync()));
        expectClose(all, [formula(p, t, frames.length)]);
      }),
      { numRuns: 20 },
    );
  });
});

describe.each([...formulas, ...pooled])("metrics.%s", (name, metric) => {
  it("of no frames is NaN", () => {
    expect(metric(zeros([0, 1, 2, 2]), zeros([0, 1, 2, 2])).itemSync()).toBeNaN();
  });

  it("refuses what are no frames of one shape, dtype and device", () => {
    expect(() => metric(zeros([2, 2]), zeros([2, 2]))).toThrow(
      refusal("ShapeError", `${name}: needs frames […, C, H, W], got shape [2,2]; add the axis of channels`),
    );
    expect(() => metric(zeros([1, 2, 2]), zeros([2, 2]))).toThrow(
      refusal(
        "ShapeError",
        `${name}: forecast and target must have the same shape, got forecast [1,2,2] and target [2,2]; reshape or expand one`,
      ),
    );
    expect(() => metric(zeros([1, 2, 2]), zeros([1, 2, 2], { dtype: "float64" }))).toThrow(
      refusal("DTypeError", `${name}: forecast is float32 but target is float64; convert one with to("float32")`),
    );
    expect(() => metric(zeros([1, 2, 2]), zeros([1, 2, 2], { device: proxyDevice() }))).toThrow(
      refusal("DeviceError", `${name}: forecast is on cpu but target is on proxy; move one with to()`),
    );
    // @ts-expect-error a number is not a tensor
    expect(() => metric(0.5, zeros([1, 2, 2]))).toThrow(
      refusal("ArgumentError", `${name}: the forecast must be a tensor, got number`),
    );
    // @ts-expect-error metrics are not summed
    expect(() => metric(zeros([1, 2, 2]), zeros([1, 2, 2]), { reduction: "sum" })).toThrow(
      refusal("ArgumentError", `${name}: reduction must be one of "mean", "none", got "sum"`),
    );
  });
});

describe("metrics.psnr", () => {
  it("is infinite for equal frames, and grows with the data range", () => {
    const [x, y] = [rand([2, 1, 3, 3]), rand([2, 1, 3, 3])];
    expect(metrics.psnr(x, x).itemSync()).toBe(Number.POSITIVE_INFINITY);
    const bytes = metrics.psnr(x.mul(255), y.mul(255), { dataRange: 255 }).itemSync();
    expect(bytes).toBeCloseTo(metrics.psnr(x, y).itemSync(), 3);
    expect(() => metrics.psnr(x, y, { dataRange: 0 })).toThrow(
      refusal("ArgumentError", "psnr: dataRange must be a finite number > 0, got 0"),
    );
  });
});

describe("metrics.rmse", () => {
  it("is the root of mse", () => {
    const [x, y] = [rand([2, 3, 1, 4, 4], { dtype: "float64" }), rand([2, 3, 1, 4, 4], { dtype: "float64" })];
    expect(metrics.rmse(x, y).itemSync()).toBeCloseTo(Math.sqrt(metrics.mse(x, y).itemSync()), 12);
    expect(metrics.rmse(x, x).itemSync()).toBe(0);
  });
});

describe("metrics.snr", () => {
  it("does not change with the unit, is 0 for a forecast of 0, and infinite without noise", () => {
    const [x, y] = [rand([2, 1, 3, 3], { dtype: "float64" }), rand([2, 1, 3, 3], { dtype: "float64" })];
    expect(metrics.snr(x.mul(255), y.mul(255)).itemSync()).toBeCloseTo(metrics.snr(x, y).itemSync(), 10);
    expect(metrics.snr(x.mul(0), x).itemSync()).toBe(0);
    expect(metrics.snr(x, x).itemSync()).toBe(Number.POSITIVE_INFINITY);
    expect(metrics.snr(x, x.mul(0)).itemSync()).toBe(Number.NEGATIVE_INFINITY);
    expect(metrics.snr(x.mul(0), x.mul(0)).itemSync()).toBeNaN();
  });
});

describe("metrics.correlation", () => {
  it("is 1 up to a factor, 0 where nothing is, and does not subtract means", () => {
    const x = rand([1, 4, 4], { dtype: "float64" });
    expect(metrics.correlation(x.mul(3), x).itemSync()).toBeCloseTo(1, 8);
    expect(metrics.correlation(zeros([1, 4, 4]), zeros([1, 4, 4])).itemSync()).toBe(0);
    expect(metrics.correlation(x.mul(0).add(1), x).itemSync()).toBeGreaterThan(0.5);
  });
});

describe("metrics.dBZToRainfall", () => {
  it("is the inverse of dBZ = 10·log₁₀(a·Rᵇ), and gradients flow through", () => {
    const relation = fc.record({
      a: fc.double({ min: 50, max: 400, noNaN: true }),
      b: fc.double({ min: 1, max: 2, noNaN: true }),
    });
    fc.assert(
      fc.property(tensors(shapes(), { low: -10, high: 60 }), relation, (dBZ, { a, b }) => {
        const rates = metrics.dBZToRainfall(dBZ, { a, b });
        expectClose(
          rates,
          [...dBZ.dataSync()].map((value) => (10 ** (value / 10) / a) ** (1 / b)),
        );
        const back = rates
          .log()
          .mul(b)
          .add(Math.log(a))
          .mul(10 / Math.LN10);
        expectClose(back, [...dBZ.dataSync()]);
        expect(rates.requiresGrad).toBe(true);
      }),
      { numRuns: 20 },
    );
    expect(metrics.dBZToRainfall(tensor([0, 30], { dtype: "float64" })).toArray()).toEqual([
      expect.closeTo(0.0437, 4),
      expect.closeTo(4.0587, 4),
    ]);
  });

  it.each(["a", "b"])("refuses %s that is not above 0", (name) => {
    const text = `${name} must be a finite number > 0, got 0`;
    expect(() => metrics.dBZToRainfall(zeros([1]), { [name]: 0 })).toThrow(
      refusal("ArgumentError", `dBZToRainfall: ${text}`),
    );
    expect(() => metrics.rainfallMse(zeros([1, 1, 1]), zeros([1, 1, 1]), { [name]: 0 })).toThrow(
      refusal("ArgumentError", `rainfallMse: ${text}`),
    );
  });
});

describe("metrics.ssim", () => {
  interface Window {
    readonly dataRange: number;
    readonly windowSize: number;
    readonly sigma: number;
  }

  /** The paper's formula, window by window, of one image. */
  function directly(x: Float64Array, y: Float64Array, width: number, { dataRange, windowSize, sigma }: Window): number {
    const height = x.length / width;
    const [c1, c2] = [(0.01 * dataRange) ** 2, (0.03 * dataRange) ** 2];
    const half = (windowSize - 1) / 2;
    const scores: number[] = [];
    for (let row = half; row < height - half; row++) {
      for (let column = half; column < width - half; column++) {
        const taps: { w: number; p: number; q: number }[] = [];
        for (let i = -half; i <= half; i++) {
          for (let j = -half; j <= half; j++) {
            const at = (row + i) * width + column + j;
            taps.push({ w: Math.exp(-(i * i + j * j) / (2 * sigma * sigma)), p: x[at], q: y[at] });
          }
        }
        const total = taps.reduce((n, { w }) => n + w, 0);
        const mean = (of: (tap: { p: number; q: number }) => number): number =>
          taps.reduce((n, tap) => n + (tap.w / total) * of(tap), 0);
        const [mx, my] = [mean(({ p }) => p), mean(({ q }) => q)];
        const [vx, vy] = [mean(({ p }) => (p - mx) ** 2), mean(({ q }) => (q - my) ** 2)];
        const covariance = mean(({ p, q }) => (p - mx) * (q - my));
        scores.push(((2 * mx * my + c1) * (2 * covariance + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2)));
      }
    }
    return scores.reduce((n, score) => n + score, 0) / scores.length;
  }

  it("is the paper's formula, averaged over windows, channels and frames", () => {
    const problem = fc
      .record({
        windowSize: fc.constantFrom(1, 3, 5),
        sigma: fc.double({ min: 0.5, max: 3, noNaN: true }),
        dataRange: fc.constantFrom(1, 2, 255),
      })
      .chain((window) => {
        const size = fc.integer({ min: window.windowSize, max: window.windowSize + 2 });
        const shape = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 }), size, size);
        return shape.chain((chosen) => {
          const values = { low: 0, high: window.dataRange };
          return fc.tuple(tensors(chosen, values), tensors(chosen, values), fc.constant(window));
        });
      });
    fc.assert(
      fc.property(problem, ([x, y, window]) => {
        const [frames, channels, height, width] = x.shape;
        const [a, b] = [x, y].map((each) => each.reshape([frames * channels, 1, height, width]));
        const scores = framesOf(a, b).map(({ p, t }) => directly(p, t, width, window));
        const perFrame = Array.from(
          { length: frames },
          (_, n) => sum(scores.slice(n * channels, (n + 1) * channels), (v) => v) / channels,
        );
        expectClose(metrics.ssim(x, y, { ...window, reduction: "none" }), perFrame);
        const mean = metrics.ssim(x, y, window);
        expect([mean.shape, mean.requiresGrad]).toEqual([[], false]);
        expectClose(mean, [sum(perFrame, (v) => v) / frames]);
      }),
      { numRuns: 20 },
    );
  });

  // The algorithm of scikit-image's structural_similarity(gaussian_weights=True, use_sample_covariance=False), in SciPy:
  //   f = lambda a: gaussian_filter(a, sigma, truncate=(size // 2) / sigma, mode="reflect"); ux, uy = f(x), f(y)
  //   vx = f(x * x) - ux * ux; vy = …; vxy = f(x * y) - ux * uy; mean of the formula over [size // 2:-(size // 2)] of both axes
  //   k = np.arange(416); x = (0.5 + 0.5 * sin(1.7 * k + 0.3)).reshape(2, 13, 16); y = clip(x + 0.2 * sin(0.9 * k), 0, 1)
  it("has the numbers of scikit-image", () => {
    const wave = (fn: (k: number) => number): Tensor =>
      tensor(
        Float64Array.from({ length: 416 }, (_, k) => fn(k)),
        { shape: [2, 1, 13, 16] },
      );
    const x = wave((k) => 0.5 + 0.5 * Math.sin(1.7 * k + 0.3));
    const y = x.add(wave((k) => 0.2 * Math.sin(0.9 * k))).clamp(0, 1);
    const scores = [0.9348395148984623, 0.933282834881621];
    expectClose(metrics.ssim(x, y, { reduction: "none" }), scores);
    expectClose(metrics.ssim(x.mul(255), y.mul(255), { reduction: "none", dataRange: 255 }), scores);
    const other = metrics.ssim(x, y, { reduction: "none", dataRange: 2, windowSize: 7, sigma: 1 });
    expectClose(other, [0.9333973919041186, 0.9356410595277493]);
    expectClose(metrics.psnr(x, y, { reduction: "none" }), [18.084310943845885, 18.00304838372432]);
    const narrow = metrics.ssim(x.to("float32"), y.to("float32"), { reduction: "none" });
    for (const [k, score] of narrow.dataSync().entries()) expect(score).toBeCloseTo(scores[k], 4);
  });

  it("is 1 for equal images, in float32 too", () => {
    const x = rand([2, 3, 1, 12, 12]);
    expect(metrics.ssim(x, x).itemSync()).toBeCloseTo(1, 5);
  });

  it.each([
    [{ windowSize: 4 }, "windowSize must be an odd whole number, got 4"],
    [{ windowSize: 0.5 }, "windowSize must be an odd whole number, got 0.5"],
    [{ sigma: 0 }, "sigma must be a finite number > 0, got 0"],
    [{ dataRange: -1 }, "dataRange must be a finite number > 0, got -1"],
  ])("refuses %j", (options, text) => {
    expect(() => metrics.ssim(zeros([1, 11, 11]), zeros([1, 11, 11]), options)).toThrow(
      refusal("ArgumentError", `ssim: ${text}`),
    );
  });

  it("refuses frames smaller than the window", () => {
    expect(() => metrics.ssim(zeros([2, 1, 12, 8]), zeros([2, 1, 12, 8]))).toThrow(
      refusal(
        "ShapeError",
        "ssim: frames of 12x8 pixels are smaller than the window of 11x11 (shape [2,1,12,8]); give a smaller windowSize",
      ),
    );
  });
});

describe("on a device that answers later", () => {
  it("metrics wait for nothing, are right, and leave nothing behind", async () => {
    const device = proxyDevice();
    const [x, y] = [rand([2, 3, 1, 12, 12]), rand([2, 3, 1, 12, 12])];
    const [p, t] = [x.to(device), y.to(device)];
    const all: readonly FrameMetric[] = [...formulas, ...pooled].map(([, metric]) => metric).concat(metrics.ssim);
    const before = device.memory();
    const { storages = Number.NaN, bytes = Number.NaN } = before;
    for (const metric of all) {
      using score = metric(p, t, { reduction: "none" });
      expect(device.memory()).toEqual({ storages: storages + 1, bytes: bytes + 24 });
      expect(await score.data()).toEqual(metric(x, y, { reduction: "none" }).dataSync());
    }
    expect(device.memory()).toEqual(before);
  });
});
