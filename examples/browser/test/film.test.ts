import { massCentre } from "@squall/example-moving-digits/metrics";
import { complete } from "@squall/example-moving-digits/settings";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawnFilm, generatedFilm } from "../src/film.ts";
import { Strokes } from "../src/pad.ts";
import { frameTimes } from "../src/pictures.ts";
import { comparison, copyLastFrame, scoreOf } from "../src/score.ts";

const options = complete({ size: 24, digitSize: 12 });
const PIXELS = 24 * 24;

function frames(all: Float32Array): Float32Array[] {
  return Array.from({ length: all.length / PIXELS }, (_, t) => all.subarray(t * PIXELS, (t + 1) * PIXELS));
}

describe("drawnFilm", () => {
  const stroke = [
    { x: 0.5, y: 0.1 },
    { x: 0.5, y: 0.9 },
  ];

  test.each([
    [0, 1, 0],
    [90, 0, -1],
    [180, -1, 0],
    [270, 0, 1],
    [45, Math.SQRT1_2, -Math.SQRT1_2],
  ])("at %d degrees moves by (%d, %d) a frame, through the middle half way", (direction, dx, dy) => {
    const { input } = drawnFilm(options, [stroke], { direction, speed: 1 });
    const centres = frames(input).map((frame) => massCentre(frame, 24, 0));
    centres.forEach((centre, t) => {
      expect(centre?.x).toBeCloseTo(11.5 + dx * (t - 2), 3);
      expect(centre?.y).toBeCloseTo(11.5 + dy * (t - 2), 3);
    });
  });

  test("stays inside the walls with all its ink, however fast", () => {
    const motion = fc.record({
      direction: fc.integer({ min: 0, max: 359 }),
      speed: fc.double({ min: 0, max: 4, noNaN: true }),
    });
    fc.assert(
      fc.property(motion, (each) => {
        const { input, truth } = drawnFilm(options, [stroke], each);
        const ink = [...frames(input), ...frames(truth)].map((frame) => frame.reduce((a, b) => a + b, 0));
        for (const amount of ink) expect(amount).toBeCloseTo(ink[0] ?? Number.NaN, 2);
      }),
    );
  });
});

test("generatedFilm is the same for the same seed and another for another", () => {
  expect(generatedFilm(options, 5)).toEqual(generatedFilm(options, 5));
  expect(generatedFilm(options, 5)).not.toEqual(generatedFilm(options, 6));
});

describe("Strokes", () => {
  test("keep places inside the pad and leave out steps too small to see", () => {
    const strokes = new Strokes();
    expect(strokes.extend({ x: 0.5, y: 0.5 })).toBe(false);
    strokes.begin({ x: 0.5, y: -3 });
    expect(strokes.extend({ x: 0.501, y: 0 })).toBe(false);
    expect(strokes.extend({ x: 2, y: 0.25 })).toBe(true);
    strokes.begin({ x: 0, y: 0 });
    expect(strokes.all).toEqual([
      [
        { x: 0.5, y: 0 },
        { x: 1, y: 0.25 },
      ],
      [{ x: 0, y: 0 }],
    ]);
    strokes.clear();
    expect(strokes.all).toEqual([]);
  });
});

describe("scores", () => {
  test("of the truth are 0, and copying is scored by how things moved", () => {
    const film = generatedFilm(options, 3);
    expect(scoreOf(film.truth, film, options).squaredError).toBe(0);
    const copied = copyLastFrame(film, options);
    for (const frame of frames(copied)) expect(frame).toEqual(frames(film.input).at(-1));
    expect(scoreOf(copied, film, options).squaredError).toBeGreaterThan(0.005);
  });

  test.each([
    [0.01, 0.03, "The squared error is 3.0 times smaller than that of copying the last frame."],
    [0.03, 0.03, "The squared error is about that of copying the last frame."],
    [0.04, 0.03, "Copying the last frame would be better."],
    [0, 0.03, "The forecast is what happens, exactly."],
    [0, 0, "The forecast is what happens, exactly."],
    [Number.NaN, 0.03, "The forecast is no number: the training went astray."],
  ])("%d next to %d: %s", (ours, copying, sentence) => {
    expect(comparison(ours, copying)).toBe(sentence);
  });
});

test("frameTimes counts the frames seen up to 0 and those to come from 1", () => {
  expect(frameTimes(3, 2)).toEqual(["−2", "−1", "0", "+1", "+2"]);
});
