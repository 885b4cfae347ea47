import type { FloatArray, Shape } from "@squall/device";

/**
 * The same walk with fewer axes: axes of size 1 are dropped, and neighbours are merged where every operand steps through them evenly.
 * An empty block keeps one axis of size 0.
 */
export function coalesce<Strides extends readonly (readonly number[])[]>(
  shape: Shape,
  strides: Strides,
): [shape: number[], strides: { [K in keyof Strides]: number[] }];
export function coalesce(shape: Shape, strides: readonly (readonly number[])[]): [number[], number[][]] {
  if (shape.includes(0)) return [[0], strides.map(() => [1])];
  const sizes: number[] = [];
  const steps: number[][] = strides.map(() => []);
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue;
    const last = sizes.length - 1;
    if (last >= 0 && strides.every((of, k) => steps[k][last] === of[axis] * size)) {
      sizes[last] *= size;
      for (const [k, of] of strides.entries()) steps[k][last] = of[axis];
    } else {
      sizes.push(size);
      for (const [k, of] of strides.entries()) steps[k].push(of[axis]);
    }
  }
  return [sizes, steps];
}

/** Reads blocks of a broadcast operand, addressed by their place in the contiguous result. */
export class BlockReader {
  readonly #data: FloatArray;
  readonly #shape: readonly number[];
  readonly #strides: readonly number[];
  readonly #index: number[];

  constructor(data: FloatArray, shape: Shape, strides: readonly number[]) {
    const [sizes, [steps]] = coalesce(shape, [strides] as const);
    this.#data = data;
    this.#shape = sizes;
    this.#strides = steps;
    this.#index = sizes.map(() => 0);
  }

  /** Whether every element of the result reads the same value. */
  get uniform(): boolean {
    return this.#strides.every((stride) => stride === 0);
  }

  /** Loads the `count` values that stand for elements `start` to `start + count` of the result. */
  read(start: number, count: number, out: Float64Array): void {
    const last = this.#shape.length - 1;
    if (last < 0) {
      out.fill(this.#data[0], 0, count);
      return;
    }
    if (last === 0) {
      this.#readRow(start * this.#strides[0], this.#strides[0], out, 0, count);
      return;
    }
    this.#readRows(start, count, out);
  }

  #readRows(start: number, count: number, out: Float64Array): void {
    const shape = this.#shape;
    const strides = this.#strides;
    const index = this.#index;
    const last = shape.length - 1;
    let rest = start;
    let offset = 0;
    for (let axis = last; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = (rest - index[axis]) / shape[axis];
      offset += index[axis] * strides[axis];
    }
    for (let done = 0; done < count; ) {
      const run = Math.min(shape[last] - index[last], count - done);
      this.#readRow(offset, strides[last], out, done, run);
      done += run;
      // On to the start of the next row: the last axis begins anew, the others carry.
      offset -= index[last] * strides[last];
      index[last] = 0;
      for (let axis = last - 1; axis >= 0; axis--) {
        offset += strides[axis];
        if (++index[axis] < shape[axis]) break;
        offset -= shape[axis] * strides[axis];
        index[axis] = 0;
      }
    }
  }

  #readRow(offset: number, stride: number, out: Float64Array, at: number, count: number): void {
    const data = this.#data;
    if (stride === 0) out.fill(data[offset], at, at + count);
    // The engine's own conversion is several times faster than a loop, but a view costs as much as some tens of elements.
    else if (stride === 1 && count >= 64) out.set(data.subarray(offset, offset + count), at);
    else for (let i = 0; i < count; i++) out[at + i] = data[offset + i * stride];
  }
}
