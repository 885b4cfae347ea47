import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lossSvg, smooth } from "../src/plot.ts";

const training = Array.from({ length: 50 }, (_, i) => ({ step: i + 1, loss: 100 / (i + 1) }));

describe("lossSvg", () => {
  test("is one svg element with the names of its axes and lines", () => {
    const svg = lossSvg({ training, evaluation: training.slice(0, 2), lossName: "nats <per> frame" });
    expect(svg.startsWith("<svg ")).toBe(true);
    expect(svg.trimEnd().endsWith("</svg>")).toBe(true);
    for (const text of [">step<", "nats &lt;per&gt; frame, log scale", "each batch", "smoothed", "evaluation"]) {
      expect(svg).toContain(text);
    }
    expect(svg).not.toMatch(/NaN|undefined|<style|:hover/);
  });

  test("is the same text for the same numbers", () => {
    expect(lossSvg({ training })).toBe(lossSvg({ training }));
  });

  test("has a plain axis for losses that span little or reach zero", () => {
    const near = training.map((p) => ({ ...p, loss: 5 + p.loss / 100 }));
    expect(lossSvg({ training: near })).not.toContain("log scale");
    expect(lossSvg({ training: [...training, { step: 51, loss: 0 }] })).not.toContain("log scale");
  });

  test("draws what it can of a run that went wrong or has hardly begun", () => {
    const broken = [...training, { step: 51, loss: Number.NaN }, { step: 52, loss: Number.POSITIVE_INFINITY }];
    expect(lossSvg({ training: broken })).not.toMatch(/NaN|Infinity/);
    for (const few of [[], training.slice(0, 1), [{ step: 1, loss: Number.NaN }]]) {
      expect(lossSvg({ training: few })).toContain("</svg>");
    }
  });

  test("stays small for long runs", () => {
    const long = Array.from({ length: 20000 }, (_, i) => ({ step: i + 1, loss: 2 + Math.sin(i) }));
    expect(lossSvg({ training: long }).length).toBeLessThan(200_000);
  });
});

describe("smooth", () => {
  const losses = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 80 });

  test("stays within the values", () => {
    fc.assert(
      fc.property(losses, fc.integer({ min: 1, max: 30 }), (values, span) => {
        for (const value of smooth(values, span)) {
          expect(value).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
          expect(value).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
        }
      }),
    );
  });

  test("follows a straight line without lag", () => {
    const falling = Array.from({ length: 40 }, (_, i) => 40 - i);
    expect(smooth(falling, 10)).toEqual(falling);
  });

  test("takes the mean around each value, narrower at the ends", () => {
    expect(smooth([3, 0, 0, 9, 0, 0], 3)).toEqual([3, 1, 3, 3, 3, 0]);
    expect(smooth([1, 5, 2], 1)).toEqual([1, 5, 2]);
  });

  test("passes over what is no number", () => {
    expect(smooth([2, Number.NaN, 4, 6, 8], 3)).toEqual([2, Number.NaN, 5, 6, 8]);
  });
});
