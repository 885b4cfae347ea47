import type { Shape } from "@squall/device";
import { coalesce } from "../loops/strided.ts";

/** Runs shorter than this are copied by a loop: the engine's own copy needs a view, which costs as much as some tens of elements. */
const shortRun = 48;

/** Reads blocks of a broadcast float32 operand, addressed by their place in the contiguous result. */
export class Stage {
  /** The elements. */
  readonly data: Float32Array;
  /** After how many elements of the result the operand comes again: 1 if one number stands for all, the size of the result if never. */
  readonly period: number;
  private readonly sizes: readonly number[];
  private readonly steps: readonly number[];
  private readonly index: number[];

  /** The shape has at least one element. */
  constructor(data: Float32Array, shape: Shape, strides: readonly number[]) {
    const [sizes, [steps]] = coalesce(shape, [strides] as const);
    this.data = data;
    this.sizes = sizes;
    this.steps = steps;
    this.index = sizes.map(() => 0);
    let period = 1;
    for (const [axis, size] of sizes.entries()) if (axis > 0 || steps[axis] !== 0) period *= size;
    this.period = period;
  }

  /** Copies what stands for elements `start` to `start + count` of the result. */
  read(start: number, count: number, out: Float32Array): void {
    const { data, sizes, steps, index } = this;
    const last = sizes.length - 1;
    if (last <= 0) {
      // One axis at most, and neighbours are neighbours.
      if (last < 0 || steps[0] === 0) out.fill(data[0], 0, count);
      else out.set(data.subarray(start, start + count));
      return;
    }
    let rest = start;
    let offset = 0;
    for (let axis = last; axis >= 0; axis--) {
      index[axis] = rest % sizes[axis];
      rest = (rest - index[axis]) / sizes[axis];
      offset += index[axis] * steps[axis];
    }
    for (let done = 0; done < count; ) {
      const run = Math.min(sizes[last] - index[last], count - done);
      readRun(data, offset, steps[last], out, done, run);
      done += run;
      // On to the start of the next row: the last axis begins anew, the others carry.
      offset -= index[last] * steps[last];
      index[last] = 0;
      for (let axis = last - 1; axis >= 0; axis--) {
        offset += steps[axis];
        if (++index[axis] < sizes[axis]) break;
        offset -= sizes[axis] * steps[axis];
        index[axis] = 0;
      }
    }
  }
}

function readRun(data: Float32Array, offset: number, step: number, out: Float32Array, at: number, count: number): void {
  if (step === 0) {
    const value = data[offset];
    if (count >= shortRun) out.fill(value, at, at + count);
    else for (let i = 0; i < count; i++) out[at + i] = value;
  } else if (step === 1 && count >= shortRun) {
    out.set(data.subarray(offset, offset + count), at);
  } else {
    for (let i = 0; i < count; i++) out[at + i] = data[offset + i * step];
  }
}
