// No device.
import { samplingSchedule } from "@squall/nn";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const probability = fc.double({ min: 0, max: 1, noNaN: true });

describe("samplingSchedule", () => {
  it("goes from one probability to exactly the other, never back, and stays", () => {
    const options = fc.record({
      kind: fc.constantFrom("exponential" as const, "sigmoid" as const),
      from: probability,
      to: probability,
      steps: fc.integer({ min: 1, max: 1000 }),
      start: fc.integer({ min: 0, max: 100 }),
      rate: fc.double({ min: 1e-6, max: 1e3, noNaN: true }),
    });
    const linear = options.map(({ rate: _, ...rest }) => ({ ...rest, kind: "linear" as const }));
    fc.assert(
      fc.property(fc.oneof(options, linear), (given) => {
        const { from, to, steps, start } = given;
        const schedule = samplingSchedule(given);
        expect([schedule(0), schedule(start), schedule(start + steps), schedule(1e9)]).toEqual([from, from, to, to]);
        const way = Array.from({ length: 11 }, (_, k) => schedule(start + (k * steps) / 10));
        for (const [k, p] of way.entries()) {
          expect(p).toBeGreaterThanOrEqual(Math.min(from, to) - 1e-15);
          expect(p).toBeLessThanOrEqual(Math.min(1, Math.max(from, to) + 1e-15));
          expect((p - (way[k - 1] ?? p)) * Math.sign(to - from)).toBeGreaterThanOrEqual(-1e-15);
        }
      }),
    );
  });

  it("follows the formulas", () => {
    const shared = { from: 1, to: 0, steps: 100 } as const;
    const middle = (Math.exp(-1) - Math.exp(-4)) / (1 - Math.exp(-4));
    expect(samplingSchedule({ ...shared, kind: "linear" })(25)).toBe(0.75);
    expect(samplingSchedule({ ...shared, kind: "exponential", rate: 4 })(25)).toBeCloseTo(middle, 12);
    const s = (u: number): number => 1 / (1 + Math.exp(5 * (2 * u - 1)));
    expect(samplingSchedule({ ...shared, kind: "sigmoid" })(25)).toBeCloseTo((s(0.25) - s(1)) / (s(0) - s(1)), 12);
    expect(samplingSchedule({ ...shared, kind: "sigmoid", start: 50 })(100)).toBeCloseTo(0.5, 12);
  });

  const good = { kind: "linear", from: 0, to: 1, steps: 10 } as const;
  it.each([
    [{ kind: "cosine" }, 'samplingSchedule: kind must be one of "linear", "exponential", "sigmoid", got "cosine"'],
    [{ from: -0.1 }, "samplingSchedule: from must be a number in [0, 1], got -0.1"],
    [{ to: 1.5 }, "samplingSchedule: to must be a number in [0, 1], got 1.5"],
    [{ steps: 0 }, "samplingSchedule: steps must be a whole number >= 1, got 0"],
    [{ start: -1 }, "samplingSchedule: start must be a whole number >= 0, got -1"],
    [{ kind: "sigmoid", rate: 0 }, "samplingSchedule: rate must be a number > 0, got 0"],
    [{ rate: 2 }, 'samplingSchedule: rate is for the kinds "exponential" and "sigmoid", but kind is "linear"'],
  ])("refuses %o", (change, message) => {
    expect(() => samplingSchedule({ ...good, ...change } as Parameters<typeof samplingSchedule>[0])).toThrow(
      refusal("ArgumentError", message),
    );
  });

  it("refuses an iteration that is none", () => {
    expect(() => samplingSchedule(good)(-1)).toThrow(
      refusal("ArgumentError", "samplingSchedule: iteration must be a number >= 0, got -1"),
    );
  });
});
