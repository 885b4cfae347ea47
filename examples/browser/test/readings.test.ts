import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rangeOf, scale, ticks, tickText } from "../src/axes.ts";
import { LossHistory, smooth } from "../src/history.ts";
import { formatRate, RateMeter } from "../src/meter.ts";

describe("RateMeter", () => {
  test("tells times a second from the second mark on", () => {
    const meter = new RateMeter();
    expect(meter.rate).toBeUndefined();
    meter.mark(100);
    expect(meter.rate).toBeUndefined();
    meter.mark(350);
    expect(meter.rate).toBe(4);
    meter.reset();
    expect(meter.rate).toBeUndefined();
  });

  test("follows a change within its window", () => {
    const meter = new RateMeter(1000);
    for (let i = 1; i <= 50; i++) meter.mark(100 * i);
    expect(meter.rate).toBeCloseTo(10, 9);
    for (let i = 1; i <= 30; i++) meter.mark(5000 + 50 * i);
    expect(meter.rate).toBeCloseTo(20, 9);
  });

  test("knows rates slower than its window", () => {
    const meter = new RateMeter(1000);
    for (const time of [0, 5000, 10_000]) meter.mark(time);
    expect(meter.rate).toBeCloseTo(0.2, 9);
  });

  test.each([
    [undefined, "–"],
    [0.0312, "0.031"],
    [0.234, "0.23"],
    [9.94, "9.9"],
    [23.6, "24"],
  ])("%s reads %s", (rate, text) => {
    expect(formatRate(rate)).toBe(text);
  });
});

describe("LossHistory", () => {
  test("keeps every step of a short run", () => {
    const history = new LossHistory(10);
    for (let step = 1; step <= 5; step++) history.add(step, step / 10);
    expect(history.points).toEqual([1, 2, 3, 4, 5].map((step) => ({ step, loss: step / 10 })));
  });

  test("stays small, keeps its order and loses no loss of a long one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (steps) => {
        const history = new LossHistory(40);
        for (let step = 1; step <= steps; step++) history.add(step, step);
        const { points } = history;
        expect(points.length).toBeLessThanOrEqual(40);
        // Each point is the mean of the steps since the one before.
        let before = 0;
        for (const { step, loss } of points) {
          expect(loss).toBeCloseTo((before + 1 + step) / 2, 6);
          before = step;
        }
        expect(steps - before).toBeLessThan(Math.max(1, steps / 10));
      }),
    );
  });
});

test("smooth follows the losses, starts at the first and calms the noise", () => {
  const noisy = Array.from({ length: 200 }, (_, i) => ({ step: i, loss: 1 + (i % 2 === 0 ? 0.5 : -0.5) }));
  const calm = smooth(noisy);
  expect(calm[0]).toEqual(noisy[0]);
  expect(calm.at(-1)?.step).toBe(199);
  for (const { loss } of calm.slice(50)) expect(Math.abs(loss - 1)).toBeLessThan(0.05);
  expect(smooth([])).toEqual([]);
});

describe("axes", () => {
  const range = fc
    .tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 1e-3, max: 1e6, noNaN: true }))
    .map(([low, width]) => [low, low + width] as const);

  test("scale sends ends to ends and the middle to the middle, upwards too", () => {
    const y = scale([0, 2], [100, 10]);
    expect([0, 1, 2].map(y)).toEqual([100, 55, 10]);
    expect(scale([3, 3], [0, 8])(3)).toBe(4);
  });

  test("ticks lie inside, evenly, and are about as many as asked for", () => {
    fc.assert(
      fc.property(range, fc.integer({ min: 2, max: 10 }), ([low, high], count) => {
        const marks = ticks([low, high], count);
        expect(marks.length).toBeLessThanOrEqual(count + 1);
        expect(marks.length).toBeGreaterThanOrEqual(Math.floor(count / 2.5) - 1);
        const slack = 1e-9 * Math.max(Math.abs(low), Math.abs(high));
        for (const mark of marks) expect(mark >= low - slack && mark <= high + slack).toBe(true);
      }),
    );
    expect(ticks([0, 0.32], 4).map(tickText)).toEqual(["0", "0.1", "0.2", "0.3"]);
    expect(ticks([0, 40_000], 4).map(tickText)).toEqual(["0", "10k", "20k", "30k", "40k"]);
    expect(ticks([5, 5], 3)).toEqual([5]);
  });

  test("rangeOf begins at 0 and holds every finite number", () => {
    expect(rangeOf([0.2, 0.4, Number.NaN, Number.POSITIVE_INFINITY])).toEqual([0, expect.closeTo(0.42, 9)]);
    expect(rangeOf([])).toEqual([0, 1]);
  });
});
