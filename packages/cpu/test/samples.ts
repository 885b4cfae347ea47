import { allocate, type DType, type FloatArray, type Storage } from "@squall/device";
import fc from "fast-check";
import { afterEach, beforeEach, expect } from "vitest";
import { cpu, type KernelPath, setKernelPath } from "../src/index.ts";
import { kernelPath } from "../src/settings.ts";

/** Either dtype. */
export const dtype: fc.Arbitrary<DType> = fc.constantFrom("float32", "float64");

/** Seeds for {@link numbers}. */
export const seed: fc.Arbitrary<number> = fc.integer({ min: 1, max: 1 << 30 });

/** Numbers in [-2, 2) that are exact in float32: a generator by seed, because arrays made by fast-check are slow. */
export function numbers(type: DType, length: number, start: number): FloatArray {
  const data = allocate(type, length);
  let state = start;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = (state >>> 20) / 1024 - 2;
  }
  return data;
}

/** {@link numbers} on the cpu. */
export function sample(type: DType, length: number, start: number): Storage {
  return cpu.upload(numbers(type, length, start));
}

/** What a storage holds. */
export function values(storage: Storage): FloatArray {
  return cpu.readSync(storage);
}

/** Expects every number to be as near as sums in doubles, rounded once to the dtype, must be. */
export function expectClose(got: Storage, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length);
  const data = values(got);
  const relative = got.dtype === "float32" ? 1.2e-7 : 1e-13;
  for (let i = 0; i < data.length; i++) {
    const bound = relative * Math.abs(want[i]) + 1e-11;
    if (Object.is(data[i], want[i]) || Math.abs(data[i] - want[i]) <= bound) continue;
    expect.fail(`element ${i} of ${data.length} (${got.dtype}): got ${data[i]}, want ${want[i]}`);
  }
}

/** Every index of a shape, in row-major order. */
export function* indices(shape: readonly number[]): Generator<number[]> {
  if (shape.includes(0)) return;
  const index = shape.map(() => 0);
  for (;;) {
    yield [...index];
    let axis = shape.length - 1;
    for (; axis >= 0; axis--) {
      index[axis]++;
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** Sum of products, the place of an index under strides. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** What `compute` gives by one path, whichever path is taken otherwise. */
export function by<T>(path: KernelPath, compute: () => T): T {
  const before = kernelPath();
  setKernelPath(path);
  try {
    return compute();
  } finally {
    setKernelPath(before);
  }
}

/** Makes the tests of a group take one path. */
export function takePath(path: KernelPath): void {
  let before: KernelPath = path;
  beforeEach(() => {
    before = kernelPath();
    setKernelPath(path);
  });
  afterEach(() => setKernelPath(before));
}
