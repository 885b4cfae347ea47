import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DigitSource } from "../src/digits.ts";
import { glyphSource } from "../src/glyphs.ts";
import { massCentre } from "../src/metrics.ts";
import { drawBatch, drawFlights, drawSequence, reflect } from "../src/sequences.ts";
import { seeded } from "./seeded.ts";

const flight = fc.record({
  size: fc.integer({ min: 12, max: 30 }),
  digitSize: fc.integer({ min: 8, max: 12 }),
  frames: fc.integer({ min: 1, max: 12 }),
  speed: fc.tuple(fc.double({ min: 0, max: 3, noNaN: true }), fc.double({ min: 3, max: 8, noNaN: true })),
  seed: fc.integer(),
});

describe("reflect", () => {
  test("bounces between the walls as a ball stepped in small steps does", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: -90, max: 90 }), (range, steps) => {
        // Whole steps and a whole range meet the walls exactly, so turning round there is all there is to it.
        let place = 0;
        let direction = Math.sign(steps);
        for (let i = 0; i < Math.abs(steps); i++) {
          if (place + direction < 0 || place + direction > range) direction = -direction;
          place += direction;
        }
        expect(reflect(steps, range)).toBe(place);
      }),
    );
  });

  test("stays inside and moves no faster than the point", () => {
    const number = fc.double({ min: -500, max: 500, noNaN: true });
    fc.assert(
      fc.property(
        number,
        fc.double({ min: 0, max: 5, noNaN: true }),
        fc.integer({ min: 0, max: 40 }),
        (p, v, range) => {
          const before = reflect(p, range);
          const after = reflect(p + v, range);
          expect(before).toBeGreaterThanOrEqual(0);
          expect(before).toBeLessThanOrEqual(range);
          expect(Math.abs(after - before)).toBeLessThanOrEqual(v + 1e-9);
        },
      ),
    );
  });
});

describe("drawSequence", () => {
  test("says where the digit really is, in every frame", () => {
    fc.assert(
      fc.property(flight, ({ seed, digitSize, ...spec }) => {
        const { frames, centres } = drawSequence(glyphSource(digitSize), { ...spec, digits: 1 }, seeded(seed));
        const pixels = spec.size ** 2;
        expect(frames).toHaveLength(spec.frames * pixels);
        expect(centres).toHaveLength(spec.frames);
        centres.forEach(([centre], t) => {
          const seen = massCentre(frames.subarray(t * pixels, (t + 1) * pixels), spec.size, 0);
          expect(seen?.x).toBeCloseTo(centre?.x ?? Number.NaN, 3);
          expect(seen?.y).toBeCloseTo(centre?.y ?? Number.NaN, 3);
        });
      }),
    );
  });

  test("loses no ink while a digit moves and bounces", () => {
    fc.assert(
      fc.property(flight, ({ seed, digitSize, ...spec }) => {
        const { frames } = drawSequence(glyphSource(digitSize), { ...spec, digits: 1 }, seeded(seed));
        const pixels = spec.size ** 2;
        const ink = Array.from({ length: spec.frames }, (_, t) =>
          frames.subarray(t * pixels, (t + 1) * pixels).reduce((a, b) => a + b, 0),
        );
        for (const amount of ink) expect(amount).toBeCloseTo(ink[0] ?? Number.NaN, 2);
      }),
    );
  });

  test("keeps a steady speed between bounces, drawn from the range", () => {
    fc.assert(
      fc.property(flight, ({ seed, digitSize, ...spec }) => {
        const { centres } = drawSequence(glyphSource(digitSize), { ...spec, digits: 2 }, seeded(seed));
        const steps = centres.slice(1).flatMap((places, t) =>
          places.map((to, k) => {
            const from = centres[t]?.[k] ?? { x: Number.NaN, y: Number.NaN };
            return Math.hypot(to.x - from.x, to.y - from.y);
          }),
        );
        // A bounce shortens the way seen; nothing lengthens it.
        for (const step of steps) expect(step).toBeLessThanOrEqual(spec.speed[1] + 1e-9);
      }),
    );
    const wide = { size: 60, digits: 1, frames: 3, speed: [2, 2] as const };
    const { centres } = drawSequence(glyphSource(8), wide, seeded(5));
    const [a, b, c] = centres.map(([place]) => place ?? { x: Number.NaN, y: Number.NaN });
    expect(Math.hypot((b?.x ?? 0) - (a?.x ?? 0), (b?.y ?? 0) - (a?.y ?? 0))).toBeCloseTo(2, 9);
    expect((c?.x ?? 0) - (b?.x ?? 0)).toBeCloseTo((b?.x ?? 0) - (a?.x ?? 0), 9);
  });

  test("shows the brighter of two digits that overlap", () => {
    const levels = [0.3, 0.8];
    const flat: DigitSource = {
      size: 2,
      draw: () => ({ size: 2, pixels: new Float32Array(4).fill(levels.shift() ?? 0) }),
    };
    const { frames } = drawSequence(flat, { size: 2, digits: 2, frames: 1, speed: [0, 0] }, seeded(1));
    expect(frames).toEqual(new Float32Array(4).fill(0.8));
  });

  test("a digit as large as the frame stays where it is", () => {
    const { frames, centres } = drawSequence(
      glyphSource(12),
      { size: 12, digits: 1, frames: 2, speed: [1, 2] },
      seeded(2),
    );
    expect(frames.subarray(0, 144)).toEqual(frames.subarray(144));
    expect(centres[0]).toEqual(centres[1]);
  });

  test.each([
    [{ size: 11 }, "sequences: digits of 12 pixels do not fit frames of 11 pixels"],
    [{ digits: 0 }, "sequences: digits must be a whole number of at least 1, got 0"],
    [{ frames: 1.5 }, "sequences: frames must be a whole number of at least 1, got 1.5"],
    [{ speed: [2, 1] as const }, "with 0 <= slowest <= fastest, got [2,1]"],
    [{ speed: [-1, 1] as const }, "with 0 <= slowest <= fastest, got [-1,1]"],
    [{ speed: [Number.NaN, 1] as const }, "with 0 <= slowest <= fastest, got [NaN,1]"],
  ])("refuses %o", (wrong, message) => {
    const spec = { size: 24, digits: 1, frames: 2, speed: [1, 2] as const, ...wrong };
    expect(() => drawSequence(glyphSource(12), spec, seeded(1))).toThrow(message);
  });
});

describe("drawFlights", () => {
  const digit = { size: 2, pixels: new Float32Array([0.2, 0.4, 0.6, 0.8]) };

  test("moves each digit from its start by its velocity, and back from the walls", () => {
    const flight = { digit, start: { x: 1, y: 0 }, velocity: { x: 2, y: 0 } };
    const { frames, centres } = drawFlights([flight], { size: 6, frames: 4 });
    const row = (t: number): number[] => [...frames.subarray(t * 36 + 6, t * 36 + 12)];
    const bright = (t: number): number => row(t).findIndex((value) => value > 0.7);
    // At 1, 3, 5 and 7 without walls; the digit's left column can be at most at 4.
    expect([0, 1, 2, 3].map(bright)).toEqual([2, 4, 4, 2]);
    expect(centres.map(([centre]) => centre?.y)).toEqual([0.7, 0.7, 0.7, 0.7].map((y) => expect.closeTo(y, 5)));
  });

  test("films what drawSequence films", () => {
    const spec = { size: 16, digits: 1, frames: 5, speed: [1, 2] as const };
    const drawn = drawSequence(glyphSource(9), spec, seeded(4));
    const random = seeded(4);
    const same = glyphSource(9).draw(random);
    const start = { x: 7 * random.next(), y: 7 * random.next() };
    const [direction, speed] = [2 * Math.PI * random.next(), 1 + random.next()];
    const velocity = { x: speed * Math.cos(direction), y: speed * Math.sin(direction) };
    expect(drawFlights([{ digit: same, start, velocity }], spec)).toEqual(drawn);
  });

  test("refuses digits that do not fit and films without frames", () => {
    const flight = { digit, start: { x: 0, y: 0 }, velocity: { x: 0, y: 0 } };
    expect(() => drawFlights([flight], { size: 1, frames: 1 })).toThrow("digits of 2 pixels do not fit frames of 1");
    expect(() => drawFlights([flight], { size: 4, frames: 0 })).toThrow("frames must be a whole number of at least 1");
  });
});

describe("drawBatch", () => {
  const spec = { size: 20, digits: 2, frames: 4, speed: [1, 2] as const };

  test("holds the sequences one after the other, as drawn one by one", () => {
    const batch = drawBatch(glyphSource(10), spec, 3, seeded(9));
    const random = seeded(9);
    const one = Array.from({ length: 3 }, () => drawSequence(glyphSource(10), spec, random));
    expect(batch.centres).toEqual(one.map((s) => s.centres));
    expect([...batch.frames]).toEqual(one.flatMap((s) => [...s.frames]));
  });

  test("is the same for the same seed and another for another", () => {
    expect(drawBatch(glyphSource(10), spec, 2, seeded(1))).toEqual(drawBatch(glyphSource(10), spec, 2, seeded(1)));
    expect(drawBatch(glyphSource(10), spec, 2, seeded(1))).not.toEqual(drawBatch(glyphSource(10), spec, 2, seeded(2)));
  });
});
