import fc from "fast-check";
import { expect, test } from "vitest";
import { pick, uniform } from "../src/random.ts";

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("uniform stays in its range and pick in its count", () => {
  fc.assert(
    fc.property(unit, fc.integer({ min: -100, max: 100 }), fc.integer({ min: 1, max: 1000 }), (draw, low, span) => {
      const source = { next: () => draw };
      const value = uniform(source, low, low + span);
      expect(value).toBeGreaterThanOrEqual(low);
      expect(value).toBeLessThanOrEqual(low + span);
      const index = pick(source, span);
      expect(Number.isInteger(index) && index >= 0 && index < span).toBe(true);
    }),
  );
});

test("pick reaches the first and the last", () => {
  expect(pick({ next: () => 0 }, 10)).toBe(0);
  expect(pick({ next: () => 1 - 2 ** -53 }, 10)).toBe(9);
});
