// Draws the digits 0 to 9 as pen strokes, so that the example needs no download. A digit is a few polylines in the
// unit square (x to the right, y down); chance slants, turns, stretches and bends them and picks the pen; a pixel is
// inked by its distance to the nearest stroke, with an edge one pixel soft.

import type { Digit, DigitSource } from "./digits.ts";
import { pick, type RandomSource, uniform } from "./random.ts";

/** A place in the unit square, x to the right and y down. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The way of a pen: straight lines from point to point. */
export type Stroke = readonly Point[];

/** How far chance may take a drawn digit from its plain form. Lengths are fractions of the picture's width. */
export const GLYPH_VARIATION = {
  /** Horizontal shift per unit of height; positive leans to the right. */
  slant: [-0.05, 0.25],
  /** Turn in radians. */
  turn: [-0.05, 0.05],
  width: [0.88, 1.12],
  height: [0.9, 1.05],
  /** Radius of the pen. */
  pen: [0.045, 0.075],
  /** Amplitude of the slow wave that bends the strokes. */
  bend: [0, 0.02],
} as const satisfies Record<string, readonly [number, number]>;

/** The pen is never thinner than this many pixels in radius, or small digits would fade. */
const THINNEST_PEN = 0.85;

/** Strokes keep this fraction of the width free at the border, on top of the pen's radius. */
const MARGIN = 0.04;

/**
 * Draws one digit.
 *
 * @param value the digit, 0 to 9
 * @param size width and height of the picture in pixels, at least 8
 * @param random decides slant, turn, stretch, bend and pen; always seven draws
 * @returns a picture with ink 0 to 1
 * @throws RangeError for another value or a smaller size
 */
export function drawGlyph(value: number, size: number, random: RandomSource): Digit {
  const strokes = STROKES[value];
  if (strokes === undefined) throw new RangeError(`drawGlyph: value must be a whole number 0 to 9, got ${value}`);
  checkSize(size);
  const slant = uniform(random, ...GLYPH_VARIATION.slant);
  const turn = uniform(random, ...GLYPH_VARIATION.turn);
  const width = uniform(random, ...GLYPH_VARIATION.width);
  const height = uniform(random, ...GLYPH_VARIATION.height);
  const pen = Math.max(uniform(random, ...GLYPH_VARIATION.pen), THINNEST_PEN / size);
  const bend = uniform(random, ...GLYPH_VARIATION.bend);
  const phase = uniform(random, 0, 2 * Math.PI);

  const vary = ({ x, y }: Point): Point => {
    const bent = x - 0.5 + bend * Math.sin(2 * Math.PI * y + phase);
    const across = width * bent - slant * (y - 0.5);
    const down = height * (y - 0.5);
    return {
      x: across * Math.cos(turn) - down * Math.sin(turn),
      y: across * Math.sin(turn) + down * Math.cos(turn),
    };
  };
  return drawStrokes(
    strokes.map((stroke) => stroke.map(vary)),
    size,
    pen,
  );
}

/**
 * Draws strokes, moved to the middle and, if the pen would leave the picture, made smaller.
 *
 * @param strokes lines in the unit square; a stroke of one point is a dot
 * @param size width and height of the picture in pixels, at least 8
 * @param pen radius of the pen as a fraction of the width; by default that of the digits, in the middle of what chance makes of it
 * @returns a picture with ink 0 to 1, blank for no strokes
 * @throws RangeError for a smaller size
 */
export function drawStrokes(strokes: readonly Stroke[], size: number, pen: number = plainPen(size)): Digit {
  checkSize(size);
  return ink(fit(strokes, pen), pen, size);
}

function plainPen(size: number): number {
  const [thinnest, thickest] = GLYPH_VARIATION.pen;
  return Math.max((thinnest + thickest) / 2, THINNEST_PEN / size);
}

/**
 * A supply of drawn digits, each value equally likely.
 *
 * @param size width and height in pixels, at least 8
 * @throws RangeError for a smaller size
 */
export function glyphSource(size: number): DigitSource {
  checkSize(size);
  return { size, draw: (random) => drawGlyph(pick(random, STROKES.length), size, random) };
}

function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < 8) {
    throw new RangeError(`glyphs: size must be a whole number of at least 8 pixels, got ${size}`);
  }
}

/** Centres the strokes in the unit square and shrinks them if the pen would otherwise leave it. */
function fit(strokes: readonly Stroke[], pen: number): Stroke[] {
  const points = strokes.flat();
  const left = Math.min(...points.map((p) => p.x));
  const right = Math.max(...points.map((p) => p.x));
  const top = Math.min(...points.map((p) => p.y));
  const bottom = Math.max(...points.map((p) => p.y));
  const room = 1 - 2 * (pen + MARGIN);
  const scale = Math.min(1, room / Math.max(right - left, bottom - top));
  const place = (p: Point): Point => ({
    x: 0.5 + scale * (p.x - (left + right) / 2),
    y: 0.5 + scale * (p.y - (top + bottom) / 2),
  });
  return strokes.map((stroke) => stroke.map(place));
}

function ink(strokes: readonly Stroke[], pen: number, size: number): Digit {
  const pixels = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const at = { x: (column + 0.5) / size, y: (row + 0.5) / size };
      let nearest = Number.POSITIVE_INFINITY;
      for (const stroke of strokes) nearest = Math.min(nearest, distanceToStroke(at, stroke));
      // Half a pixel inside the edge is full ink, half a pixel outside is none.
      pixels[row * size + column] = Math.min(1, Math.max(0, 0.5 + (pen - nearest) * size));
    }
  }
  return { size, pixels };
}

function distanceToStroke(at: Point, stroke: Stroke): number {
  let nearest = Number.POSITIVE_INFINITY;
  let from = stroke[0];
  for (const to of stroke) {
    if (from !== undefined) nearest = Math.min(nearest, distanceToSegment(at, from, to));
    from = to;
  }
  return nearest;
}

function distanceToSegment(at: Point, from: Point, to: Point): number {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const squared = dx * dx + dy * dy;
  const along = squared === 0 ? 0 : ((at.x - from.x) * dx + (at.y - from.y) * dy) / squared;
  const clamped = Math.min(1, Math.max(0, along));
  return Math.hypot(at.x - from.x - clamped * dx, at.y - from.y - clamped * dy);
}

/** Straight lines through the given points, written x, y, x, y, … */
function lines(...coordinates: number[]): Stroke {
  const points: Point[] = [];
  for (let i = 0; i + 1 < coordinates.length; i += 2) {
    points.push({ x: coordinates[i] ?? 0, y: coordinates[i + 1] ?? 0 });
  }
  return points;
}

/** Part of an ellipse. Angles in degrees: 0 is right, 90 is down, so growing angles run clockwise. */
function arc(x: number, y: number, rx: number, ry: number, from: number, to: number): Stroke {
  const pieces = Math.ceil(Math.abs(to - from) / 18);
  return Array.from({ length: pieces + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / pieces) * Math.PI) / 180;
    return { x: x + rx * Math.cos(angle), y: y + ry * Math.sin(angle) };
  });
}

const STROKES: readonly (readonly Stroke[])[] = [
  [arc(0.5, 0.5, 0.25, 0.38, 0, 360)],
  [lines(0.36, 0.27, 0.52, 0.12, 0.52, 0.88)],
  [[...arc(0.5, 0.34, 0.23, 0.22, 195, 395), ...lines(0.27, 0.87, 0.75, 0.87)]],
  [[...arc(0.47, 0.31, 0.22, 0.19, 205, 450), ...arc(0.47, 0.69, 0.25, 0.19, 270, 515)]],
  [lines(0.6, 0.88, 0.6, 0.12, 0.25, 0.62, 0.77, 0.62)],
  [[...lines(0.71, 0.12, 0.33, 0.12, 0.31, 0.47), ...arc(0.47, 0.64, 0.25, 0.24, 228, 500)]],
  [arc(0.5, 0.66, 0.23, 0.22, 0, 360), arc(0.72, 0.66, 0.45, 0.54, 180, 262)],
  [lines(0.26, 0.13, 0.75, 0.13, 0.43, 0.88)],
  [arc(0.5, 0.31, 0.19, 0.19, 0, 360), arc(0.5, 0.69, 0.24, 0.19, 0, 360)],
  [arc(0.5, 0.34, 0.23, 0.22, 0, 360), arc(0.28, 0.34, 0.45, 0.54, 0, 82)],
];
