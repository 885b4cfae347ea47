import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  crossEntropy,
  distance,
  massCentre,
  meanFrame,
  meanScores,
  PROBABILITY_FLOOR,
  repeatFrame,
  repeatLastFrame,
  repeatMeanInput,
  scoreForecast,
  squaredError,
} from "../src/metrics.ts";

const frame = (...values: number[]): Float32Array => Float32Array.from(values);
const unit = fc.float({ min: 0, max: 1, noNaN: true });
const pair = fc.array(fc.tuple(unit, unit), { minLength: 1, maxLength: 30 });

describe("crossEntropy", () => {
  test("is ln 2 per pixel for a forecast that knows nothing", () => {
    const { sum, mean } = crossEntropy(frame(0.5, 0.5, 0.5, 0.5), frame(0, 1, 0.3, 1));
    expect(mean).toBeCloseTo(Math.LN2, 7);
    expect(sum).toBeCloseTo(4 * Math.LN2, 7);
  });

  test("follows the formula", () => {
    expect(crossEntropy(frame(0.25), frame(1)).sum).toBeCloseTo(-Math.log(0.25), 7);
    expect(crossEntropy(frame(0.25), frame(0)).sum).toBeCloseTo(-Math.log(0.75), 7);
  });

  test("stays finite for certain forecasts, right and wrong", () => {
    expect(crossEntropy(frame(1), frame(0)).sum).toBeCloseTo(-Math.log(PROBABILITY_FLOOR), 5);
    expect(crossEntropy(frame(0), frame(1)).sum).toBeCloseTo(-Math.log(PROBABILITY_FLOOR), 5);
    expect(crossEntropy(frame(0, 1), frame(0, 1)).sum).toBeLessThan(1e-6);
    expect(Math.fround(1 - PROBABILITY_FLOOR)).toBeLessThan(1);
  });

  test("is least for the truth itself", () => {
    fc.assert(
      fc.property(pair, (values) => {
        const truth = Float32Array.from(values, ([t]) => t);
        const other = Float32Array.from(values, ([, p]) => p);
        expect(crossEntropy(truth, truth).sum).toBeLessThanOrEqual(crossEntropy(other, truth).sum + 1e-9);
      }),
    );
  });

  test("does not hide a forecast that is no number", () => {
    expect(crossEntropy(frame(Number.NaN), frame(1)).sum).toBeNaN();
  });
});

test("squaredError is the mean of squares", () => {
  expect(squaredError(frame(1, 0, 0.5, 1), frame(0, 0, 0, 1))).toBeCloseTo(1.25 / 4, 7);
  expect(() => squaredError(frame(1), frame(1, 2))).toThrow("forecast has 1 pixels but truth has 2");
});

describe("massCentre", () => {
  test("weighs pixels by their brightness", () => {
    expect(massCentre(frame(0, 0, 0, 0, 0, 1), 3)).toEqual({ x: 2, y: 1 });
    expect(massCentre(frame(0.25, 0, 0.75, 0, 0, 0), 3)).toEqual({ x: 1.5, y: 0 });
  });

  test("does not see a haze", () => {
    const hazy = new Float32Array(100).fill(0.1);
    hazy[99] = 1;
    expect(massCentre(hazy, 10)).toEqual({ x: 9, y: 9 });
    expect(massCentre(hazy, 10, 0)?.x).toBeLessThan(7);
  });

  test("is undefined for blank frames and for no numbers", () => {
    expect(massCentre(new Float32Array(9), 3)).toBeUndefined();
    expect(massCentre(new Float32Array(9), 3, 0)).toBeUndefined();
    expect(massCentre(new Float32Array(9).fill(Number.NaN), 3)).toBeUndefined();
  });
});

test("distance is straight", () => {
  expect(distance({ x: 1, y: 2 }, { x: 4, y: 6 })).toBe(5);
});

describe("scoreForecast", () => {
  const block = { sequences: 2, frames: 2, height: 1, width: 4 };
  // Two sequences of two frames; the forecast of the second frame of the second sequence is blank.
  const truth = frame(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
  const forecast = frame(1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0);

  test("averages each frame over the sequences", () => {
    const [first, second] = scoreForecast(forecast, truth, block);
    expect(first?.squaredError).toBeCloseTo((0 + 2 / 4) / 2, 7);
    expect(second?.squaredError).toBeCloseTo((2 / 4 + 1 / 4) / 2, 7);
    expect(first?.centreDistance).toBe(0.5);
    expect(first?.blank).toBe(0);
    expect(second?.centreDistance).toBe(2);
    expect(second?.blank).toBe(1);
    const wrong = -Math.log(PROBABILITY_FLOOR);
    expect(first?.crossEntropy).toBeCloseTo(wrong, 4);
    expect(first?.crossEntropyPerPixel).toBeCloseTo(wrong / 4, 5);
    expect(second?.crossEntropy).toBeCloseTo((3 * wrong) / 2, 4);
  });

  test("has no distance where every forecast is blank", () => {
    const [first] = scoreForecast(new Float32Array(16), truth, block);
    expect([first?.centreDistance, first?.blank]).toEqual([undefined, 2]);
  });

  test("sums up over the frames", () => {
    const mean = meanScores(scoreForecast(forecast, truth, block));
    expect(mean.squaredError).toBeCloseTo((0.25 + 0.375) / 2, 7);
    expect(mean.centreDistance).toBeCloseTo(1.25, 7);
    expect(mean.blank).toBe(1);
    expect(meanScores(scoreForecast(new Float32Array(16), truth, block)).centreDistance).toBeUndefined();
  });

  test("refuses another length", () => {
    expect(() => scoreForecast(frame(1), truth, block)).toThrow(
      "scoreForecast: forecast has 1 values but [N,T,1,H,W] = [2,2,1,1,4] has 16",
    );
  });
});

describe("baselines", () => {
  const block = { sequences: 2, frames: 2, height: 1, width: 2 };
  const input = frame(1, 2, 3, 4, 5, 6, 7, 8);

  test("repeat the last frame, the mean of the input, one frame", () => {
    expect(repeatLastFrame(input, block, 2)).toEqual(frame(3, 4, 3, 4, 7, 8, 7, 8));
    expect(repeatMeanInput(input, block, 3)).toEqual(frame(2, 3, 2, 3, 2, 3, 6, 7, 6, 7, 6, 7));
    expect(repeatFrame(frame(1, 2), 2, 1)).toEqual(frame(1, 2, 1, 2));
  });

  test("meanFrame averages whole frames only", () => {
    expect(meanFrame(input, 2)).toEqual(frame(4, 5));
    expect(() => meanFrame(input, 3)).toThrow(RangeError);
    expect(() => meanFrame(frame(), 3)).toThrow(RangeError);
  });

  test("refuse another length", () => {
    expect(() => repeatLastFrame(frame(1), block, 1)).toThrow("repeatLastFrame: input has 1 values");
    expect(() => repeatMeanInput(frame(1), block, 1)).toThrow("repeatMeanInput: input has 1 values");
  });
});
