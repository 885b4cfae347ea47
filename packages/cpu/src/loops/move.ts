import { allocate, type CopyGeometry, type DType, type FloatArray, type Storage } from "@squall/device";
import { arrayOf, CpuStorage, own } from "../storage.ts";
import { coalesce } from "./strided.ts";

/** `length` elements of `value`. */
export function fill(dtype: DType, length: number, value: number): Storage {
  const data = allocate(dtype, length);
  if (value !== 0 || Object.is(value, -0)) data.fill(value);
  return new CpuStorage(data);
}

/** The same numbers in another dtype. */
export function cast(source: Storage, dtype: DType): Storage {
  const data = arrayOf("cast", source);
  return new CpuStorage(dtype === "float32" ? new Float32Array(data) : new Float64Array(data));
}

function copyRow(
  source: FloatArray,
  from: number,
  fromStep: number,
  target: FloatArray,
  to: number,
  toStep: number,
  length: number,
): void {
  // A memmove is worth its call only for rows of some length.
  if (fromStep === 1 && toStep === 1 && length >= 64) {
    target.set(source.subarray(from, from + length), to);
    return;
  }
  for (let i = 0; i < length; i++) target[to + i * toStep] = source[from + i * fromStep];
}

/** Strided elements of `source` into `target`, in place. */
export function copy(geometry: CopyGeometry, source: Storage, target: Storage): void {
  const from = arrayOf("copy", source);
  const written = own("copy", target);
  const to = written.data;
  written.version++;
  const [shape, [fromStrides, toStrides]] = coalesce(geometry.shape, [geometry.sourceStrides, geometry.targetStrides]);
  const last = shape.length - 1;
  const length = last < 0 ? 1 : shape[last];
  const fromStep = last < 0 ? 1 : fromStrides[last];
  const toStep = last < 0 ? 1 : toStrides[last];

  const walk = (axis: number, fromOffset: number, toOffset: number): void => {
    if (axis >= last) {
      copyRow(from, fromOffset, fromStep, to, toOffset, toStep, length);
      return;
    }
    for (let i = 0; i < shape[axis]; i++) {
      walk(axis + 1, fromOffset + i * fromStrides[axis], toOffset + i * toStrides[axis]);
    }
  };
  walk(0, geometry.sourceOffset, geometry.targetOffset);
}
