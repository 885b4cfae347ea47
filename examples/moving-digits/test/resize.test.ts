import fc from "fast-check";
import { expect, test } from "vitest";
import { resizeDigit } from "../src/resize.ts";

const digit = fc
  .integer({ min: 1, max: 12 })
  .chain((size) =>
    fc
      .array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: size * size, maxLength: size * size })
      .map((values) => ({ size, pixels: Float32Array.from(values) })),
  );
const mean = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;

test("keeps the mean brightness and the range at every size", () => {
  fc.assert(
    fc.property(digit, fc.integer({ min: 1, max: 20 }), (from, size) => {
      const to = resizeDigit(from, size);
      expect(to.size).toBe(size);
      expect(to.pixels).toHaveLength(size * size);
      expect(mean(to.pixels)).toBeCloseTo(mean(from.pixels), 5);
      expect(Math.max(...to.pixels)).toBeLessThanOrEqual(Math.max(...from.pixels) + 1e-6);
    }),
  );
});

test("enlarging by a whole factor and shrinking again gives the picture back", () => {
  fc.assert(
    fc.property(digit, fc.integer({ min: 1, max: 4 }), (from, factor) => {
      const back = resizeDigit(resizeDigit(from, from.size * factor), from.size);
      back.pixels.forEach((value, i) => {
        expect(value).toBeCloseTo(from.pixels[i] ?? Number.NaN, 5);
      });
    }),
  );
});

test("counts pixels by how much of them is covered", () => {
  const pixels = new Float32Array([0, 3, 6, 0, 3, 6, 0, 3, 6]);
  const { pixels: two } = resizeDigit({ size: 3, pixels }, 2);
  [1, 5, 1, 5].forEach((value, i) => {
    expect(two[i]).toBeCloseTo(value, 5);
  });
});
