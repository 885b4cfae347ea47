import { ArgumentError, allocate, type DType, type FloatArray, type Shape, sizeOf } from "@squall/device";
import { Generator, type Tensor, tensor } from "@squall/tensor";
import fc from "fast-check";

/** Which values a generated tensor holds. */
export interface TensorConstraints {
  /** Element type. Default `float64`, which gradient checks need. */
  readonly dtype?: DType;
  /** Smallest value. Default -2. */
  readonly low?: number;
  /** Largest value. Default 2. */
  readonly high?: number;
  /** Values to keep, for staying away from kinks; others are drawn again. */
  readonly keep?: (value: number) => boolean;
  /** Whether all values differ clearly, so that no two are tied. Default false; not together with `keep`. */
  readonly distinct?: boolean;
  /** Default true. */
  readonly requiresGrad?: boolean;
}

/** Keeps values at least `margin` (default 0.05) away from some points. */
export function awayFrom(points: readonly number[], margin = 0.05): (value: number) => boolean {
  return (value) => points.every((point) => Math.abs(value - point) >= margin);
}

function drawKept(generator: Generator, low: number, high: number, keep: (value: number) => boolean): number {
  for (let tries = 0; tries < 1000; tries++) {
    const value = low + generator.next() * (high - low);
    if (keep(value)) return value;
  }
  throw new ArgumentError("tensors", `hardly any value between ${low} and ${high} is kept; widen the range`);
}

/** One value in each of `length` equal parts of the range, in random order. */
function drawDistinct(generator: Generator, low: number, high: number, length: number): number[] {
  const values = Array.from({ length }, (_, k) => low + ((k + 0.3 + 0.4 * generator.next()) / length) * (high - low));
  for (let k = length - 1; k > 0; k--) {
    const other = generator.integer(0, k + 1);
    const [a = 0, b = 0] = [values[k], values[other]];
    values[k] = b;
    values[other] = a;
  }
  return values;
}

function draw(seed: number, length: number, constraints: TensorConstraints): FloatArray {
  const { dtype = "float64", low = -2, high = 2, keep = () => true, distinct = false } = constraints;
  const generator = new Generator(seed);
  const data = allocate(dtype, length);
  if (distinct) data.set(drawDistinct(generator, low, high, length));
  else for (let k = 0; k < length; k++) data[k] = drawKept(generator, low, high, keep);
  return data;
}

/**
 * CPU tensors of a shape. Their elements come from one seed, so that a counterexample is small; shapes shrink, seeds shrink towards 0.
 */
export function tensors(shape: Shape | fc.Arbitrary<Shape>, constraints: TensorConstraints = {}): fc.Arbitrary<Tensor> {
  const chosen = shape instanceof fc.Arbitrary ? shape : fc.constant(shape);
  return fc
    .tuple(chosen, fc.nat())
    .map(([sizes, seed]) =>
      tensor(draw(seed, sizeOf(sizes), constraints), { shape: sizes, requiresGrad: constraints.requiresGrad ?? true }),
    );
}
