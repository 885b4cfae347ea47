import { allocate, type FloatArray, type ReduceGeometry, type Reduction, type Storage } from "@squall/device";
import { arrayOf, CpuStorage } from "../storage.ts";

/** What nothing reduces to. */
export const identity: Readonly<Record<Reduction, number>> = {
  sum: 0,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
};

/** Four independent sums, because one would wait for each addition to end before the next begins. */
function sumRun(data: FloatArray, start: number, length: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const end = start + length;
  let i = start;
  for (; i + 3 < end; i += 4) {
    a += data[i];
    b += data[i + 1];
    c += data[i + 2];
    d += data[i + 3];
  }
  for (; i < end; i++) a += data[i];
  return a + b + (c + d);
}

// `v !== v` only for NaN, and nothing is greater than NaN: once met, it stays.
function maxRun(data: FloatArray, start: number, length: number): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + length; i++) {
    const v = data[i];
    if (v > best || Number.isNaN(v)) best = v;
  }
  return best;
}

function minRun(data: FloatArray, start: number, length: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = start; i < start + length; i++) {
    const v = data[i];
    if (v < best || Number.isNaN(v)) best = v;
  }
  return best;
}

/** A run of elements to one number. */
const runs: Readonly<Record<Reduction, (data: FloatArray, start: number, length: number) => number>> = {
  sum: sumRun,
  max: maxRun,
  min: minRun,
};

/** One number onto what was gathered before. */
export const joins: Readonly<Record<Reduction, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
};

type RowLoop = (total: Float64Array, at: number, data: FloatArray, start: number, length: number) => void;

/** A row of elements, each onto its own total. */
const rows: Readonly<Record<Reduction, RowLoop>> = {
  sum(total, at, data, start, length) {
    for (let i = 0; i < length; i++) total[at + i] += data[start + i];
  },
  max(total, at, data, start, length) {
    for (let i = 0; i < length; i++) total[at + i] = Math.max(total[at + i], data[start + i]);
  },
  min(total, at, data, start, length) {
    for (let i = 0; i < length; i++) total[at + i] = Math.min(total[at + i], data[start + i]);
  },
};

/** Neighbouring axes that are all kept or all reduced. */
interface MergedAxis {
  readonly size: number;
  readonly reduced: boolean;
}

/** Axes with neighbours of one kind as one, and none of size 1. */
export function mergeAxes({ shape, reduced }: ReduceGeometry): MergedAxis[] {
  const merged: { size: number; reduced: boolean }[] = [];
  for (const [axis, size] of shape.entries()) {
    const last = merged.at(-1);
    if (last !== undefined && last.reduced === reduced[axis]) last.size *= size;
    else if (size !== 1) merged.push({ size, reduced: reduced[axis] });
  }
  return merged;
}

/** Sum, maximum or minimum over some axes. */
export function reduce(geometry: ReduceGeometry, reduction: Reduction, source: Storage): Storage {
  const data = arrayOf("reduce", source);
  const axes = mergeAxes(geometry);
  const last = axes.pop() ?? { size: 1, reduced: false };
  let size = last.reduced ? 1 : last.size;
  // Steps in the result, 0 along reduced axes.
  const strides = axes.map(() => 0);
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    if (axes[axis].reduced) continue;
    strides[axis] = size;
    size *= axes[axis].size;
  }
  const total = new Float64Array(size).fill(identity[reduction]);
  const [run, row, join] = [runs[reduction], rows[reduction], joins[reduction]];
  let read = 0;
  const walk = (axis: number, at: number): void => {
    if (axis < axes.length) {
      for (let i = 0; i < axes[axis].size; i++) walk(axis + 1, at + i * strides[axis]);
      return;
    }
    if (last.reduced) total[at] = join(total[at], run(data, read, last.size));
    else row(total, at, data, read, last.size);
    read += last.size;
  };
  walk(0, 0);
  if (source.dtype === "float64") return new CpuStorage(total);
  const out = allocate(source.dtype, size);
  out.set(total);
  return new CpuStorage(out);
}
