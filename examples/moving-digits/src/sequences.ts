// Films of digits that fly in straight lines and bounce off the walls. Where a digit is at time t is a formula, not a
// running sum, so bounces are exact and nothing drifts; a digit between two pixels is spread over both, so motion is
// smooth.

import type { Digit, DigitSource } from "./digits.ts";
import { type RandomSource, uniform } from "./random.ts";

/** How large a film is. */
export interface FrameCount {
  /** Width and height of a frame in pixels; at least the digits' size. */
  readonly size: number;
  /** Frames in a sequence, T. */
  readonly frames: number;
}

/** What to film. */
export interface SequenceSpec extends FrameCount {
  /** Digits in a frame. */
  readonly digits: number;
  /** Slowest and fastest speed in pixels per frame; each digit keeps one drawn from between. */
  readonly speed: readonly [number, number];
}

/** A place in a frame in pixels: whole numbers are the middles of pixels, x grows to the right, y down. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** One film. */
export interface Sequence {
  /** Brightness 0 to 1, `[T, 1, H, W]`. */
  readonly frames: Float32Array;
  /** Mass centre of each digit in each frame, `[T][digit]`. */
  readonly centres: readonly (readonly Place[])[];
}

/** Several films of the same spec. */
export interface SequenceBatch {
  /** Brightness 0 to 1, `[N, T, 1, H, W]`. */
  readonly frames: Float32Array;
  /** Mass centre of each digit in each frame of each film, `[N][T][digit]`. */
  readonly centres: readonly (readonly (readonly Place[])[])[];
}

/** A digit on its way. */
export interface Flight {
  readonly digit: Digit;
  /** Where its top left pixel is in the first frame. */
  readonly start: Place;
  /** Pixels per frame. */
  readonly velocity: Place;
}

/**
 * Films one sequence: each digit starts anywhere, flies in any direction and is reflected by the walls; where digits
 * overlap the brighter one shows.
 *
 * @throws RangeError if the digits do not fit the frame or a number of the spec makes no sense
 */
export function drawSequence(source: DigitSource, spec: SequenceSpec, random: RandomSource): Sequence {
  checkSpec(source, spec);
  const frames = new Float32Array(spec.frames * spec.size * spec.size);
  return { frames, centres: film(source, spec, random, frames) };
}

/**
 * Films digits whose ways are known.
 *
 * @throws RangeError if a digit does not fit the frame or the number of frames makes no sense
 */
export function drawFlights(flights: readonly Flight[], spec: FrameCount): Sequence {
  for (const { digit } of flights) checkSize(digit, spec);
  checkCount("frames", spec.frames);
  const frames = new Float32Array(spec.frames * spec.size * spec.size);
  return { frames, centres: fly(flights, spec, frames) };
}

/**
 * Films `count` sequences one after the other from the same source.
 *
 * @throws RangeError as `drawSequence`
 */
export function drawBatch(source: DigitSource, spec: SequenceSpec, count: number, random: RandomSource): SequenceBatch {
  checkSpec(source, spec);
  const length = spec.frames * spec.size * spec.size;
  const frames = new Float32Array(count * length);
  const centres = Array.from({ length: count }, (_, n) =>
    film(source, spec, random, frames.subarray(n * length, (n + 1) * length)),
  );
  return { frames, centres };
}

/**
 * Where a point moving along a line is once the walls at 0 and `range` have reflected it.
 *
 * @param position where it would be without walls
 * @param range distance between the walls, 0 or more
 * @returns a place in [0, range]
 */
export function reflect(position: number, range: number): number {
  if (range === 0) return 0;
  const period = 2 * range;
  const phase = ((position % period) + period) % period;
  return phase <= range ? phase : period - phase;
}

function film(source: DigitSource, spec: SequenceSpec, random: RandomSource, into: Float32Array): Place[][] {
  const room = spec.size - source.size;
  return fly(
    Array.from({ length: spec.digits }, () => launch(source, spec, room, random)),
    spec,
    into,
  );
}

function fly(flights: readonly Flight[], { size, frames }: FrameCount, into: Float32Array): Place[][] {
  const masses = flights.map(({ digit }) => massCentreOf(digit));
  const pixels = size * size;
  return Array.from({ length: frames }, (_, t) => {
    const frame = into.subarray(t * pixels, (t + 1) * pixels);
    return flights.map(({ digit, start, velocity }, k) => {
      const room = size - digit.size;
      const x = reflect(start.x + velocity.x * t, room);
      const y = reflect(start.y + velocity.y * t, room);
      stamp(digit, x, y, frame, size);
      const mass = masses[k] ?? { x: 0, y: 0 };
      return { x: x + mass.x, y: y + mass.y };
    });
  });
}

function launch(source: DigitSource, spec: SequenceSpec, room: number, random: RandomSource): Flight {
  const digit = source.draw(random);
  const start = { x: uniform(random, 0, room), y: uniform(random, 0, room) };
  const direction = uniform(random, 0, 2 * Math.PI);
  const speed = uniform(random, ...spec.speed);
  const velocity = { x: speed * Math.cos(direction), y: speed * Math.sin(direction) };
  return { digit, start, velocity };
}

/** Adds a digit with its top left pixel at (x, y), which may lie between pixels, by bilinear weights. */
function stamp(digit: Digit, x: number, y: number, frame: Float32Array, size: number): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const fx = x - left;
  const fy = y - top;
  const at = (row: number, column: number): number =>
    row < 0 || column < 0 || row >= digit.size || column >= digit.size
      ? 0
      : (digit.pixels[row * digit.size + column] ?? 0);
  // One pixel more than the digit each way, for the part that reaches over; at the far wall that part is empty.
  for (let row = 0; row <= digit.size && top + row < size; row++) {
    for (let column = 0; column <= digit.size && left + column < size; column++) {
      const upper = (1 - fx) * at(row - 1, column) + fx * at(row - 1, column - 1);
      const lower = (1 - fx) * at(row, column) + fx * at(row, column - 1);
      const value = fy * upper + (1 - fy) * lower;
      const index = (top + row) * size + left + column;
      if (value > (frame[index] ?? 0)) frame[index] = value;
    }
  }
}

function massCentreOf(digit: Digit): Place {
  let mass = 0;
  let x = 0;
  let y = 0;
  digit.pixels.forEach((value, index) => {
    mass += value;
    x += value * (index % digit.size);
    y += value * Math.floor(index / digit.size);
  });
  const middle = (digit.size - 1) / 2;
  return mass === 0 ? { x: middle, y: middle } : { x: x / mass, y: y / mass };
}

function checkSize(digit: { readonly size: number }, { size }: FrameCount): void {
  if (digit.size > size) {
    throw new RangeError(`sequences: digits of ${digit.size} pixels do not fit frames of ${size} pixels`);
  }
}

function checkCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`sequences: ${name} must be a whole number of at least 1, got ${value}`);
  }
}

function checkSpec(source: DigitSource, spec: SequenceSpec): void {
  const [slowest, fastest] = spec.speed;
  checkSize(source, spec);
  checkCount("digits", spec.digits);
  checkCount("frames", spec.frames);
  if (!(slowest >= 0 && slowest <= fastest && Number.isFinite(fastest))) {
    throw new RangeError(
      `sequences: speed must be [slowest, fastest] with 0 <= slowest <= fastest, got [${spec.speed}]`,
    );
  }
}
