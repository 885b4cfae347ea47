import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawGlyph, drawStrokes, glyphSource } from "../src/glyphs.ts";
import { massCentre } from "../src/metrics.ts";
import { seeded } from "./seeded.ts";

const drawing = fc.record({
  value: fc.integer({ min: 0, max: 9 }),
  size: fc.integer({ min: 8, max: 40 }),
  seed: fc.integer(),
});

describe("drawGlyph", () => {
  test("inks part of the picture, with values 0 to 1 and a clear border", () => {
    fc.assert(
      fc.property(drawing, ({ value, size, seed }) => {
        const { pixels } = drawGlyph(value, size, seeded(seed));
        expect(pixels).toHaveLength(size * size);
        expect(pixels.every((v) => v >= 0 && v <= 1)).toBe(true);
        expect(Math.max(...pixels)).toBeGreaterThan(0.6);
        const mean = pixels.reduce((a, b) => a + b, 0) / pixels.length;
        expect(mean).toBeGreaterThan(0.03);
        // A pen of at least 0.85 pixels fills up to 0.48 of the smallest pictures.
        expect(mean).toBeLessThan(0.5);
        const border = pixels.filter((_, i) => i < size || i >= size * (size - 1) || i % size === 0);
        expect(Math.max(...border)).toBeLessThan(0.75);
      }),
    );
  });

  test("is the same for the same seed and another for another", () => {
    expect(drawGlyph(5, 28, seeded(3))).toEqual(drawGlyph(5, 28, seeded(3)));
    expect(drawGlyph(5, 28, seeded(3))).not.toEqual(drawGlyph(5, 28, seeded(4)));
  });

  test("draws digits that a nearest-example classifier tells apart", () => {
    // Ten examples of each digit, seen through the eyes of the simplest classifier there is.
    const size = 14;
    const random = seeded(1);
    const examples = Array.from({ length: 300 }, (_, i) => ({ value: i % 10, ...drawGlyph(i % 10, size, random) }));
    const hits = Array.from({ length: 100 }, (_, i) => {
      const { pixels } = drawGlyph(i % 10, size, random);
      const far = (other: Float32Array) => other.reduce((sum, v, j) => sum + (v - (pixels[j] ?? 0)) ** 2, 0);
      const nearest = examples.reduce((best, e) => (far(e.pixels) < far(best.pixels) ? e : best));
      return nearest.value === i % 10;
    });
    expect(hits.filter(Boolean).length).toBeGreaterThanOrEqual(90);
  });

  test.each([
    [10, 28, "drawGlyph: value must be a whole number 0 to 9, got 10"],
    [1.5, 28, "drawGlyph: value must be a whole number 0 to 9, got 1.5"],
    [1, 7, "glyphs: size must be a whole number of at least 8 pixels, got 7"],
    [1, 12.5, "glyphs: size must be a whole number of at least 8 pixels, got 12.5"],
  ])("refuses value %d at size %d", (value, size, message) => {
    expect(() => drawGlyph(value, size, seeded(1))).toThrow(new RangeError(message));
  });
});

test("glyphSource draws every value", () => {
  // The first draw picks the value; the rest keep the plain form, so equal pictures are equal values.
  const pictures = Array.from({ length: 10 }, (_, value) => {
    const draws = [(value + 0.5) / 10];
    return glyphSource(12)
      .draw({ next: () => draws.pop() ?? 0.5 })
      .pixels.join();
  });
  expect(new Set(pictures).size).toBe(10);
  expect(() => glyphSource(3)).toThrow(RangeError);
});

describe("drawStrokes", () => {
  const place = fc.record({
    x: fc.double({ min: 0, max: 1, noNaN: true }),
    y: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const strokes = fc.array(fc.array(place, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 });

  test("inks wherever the pen went, in the middle of the picture", () => {
    fc.assert(
      fc.property(strokes, fc.integer({ min: 8, max: 30 }), (lines, size) => {
        const { pixels } = drawStrokes(lines, size);
        expect(pixels.every((v) => v >= 0 && v <= 1)).toBe(true);
        expect(Math.max(...pixels)).toBeGreaterThan(0.5);
      }),
    );
    const line = [
      { x: 0.1, y: 0.2 },
      { x: 0.1, y: 0.6 },
    ];
    const centre = massCentre(drawStrokes([line], 13).pixels, 13);
    expect(centre?.x).toBeCloseTo(6, 5);
    expect(centre?.y).toBeCloseTo(6, 5);
  });

  test("draws the same wherever on the pad it was, and nothing for no strokes", () => {
    fc.assert(
      fc.property(strokes, fc.double({ min: -1, max: 1, noNaN: true }), (lines, shift) => {
        const moved = lines.map((line) => line.map(({ x, y }) => ({ x: x + shift, y: y - shift })));
        const [here, there] = [drawStrokes(lines, 12).pixels, drawStrokes(moved, 12).pixels];
        here.forEach((value, i) => {
          expect(there[i]).toBeCloseTo(value, 5);
        });
      }),
    );
    expect(drawStrokes([], 12).pixels).toEqual(new Float32Array(144));
  });
});
