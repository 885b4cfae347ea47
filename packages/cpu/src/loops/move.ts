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

/** Runs shorter than this are copied by a loop: the engine's own copy needs a view, which costs as much as some tens of elements. */
const shortRun = 48;
/** Rows and columns of a tile of a transposed copy: as many lines as the nearest cache holds without pushing each other out. */
const tile = 16;

/** Where a walk through two axes reads and writes. */
interface Plane {
  readonly source: FloatArray;
  readonly target: FloatArray;
  /** Outer axis. */
  readonly rows: number;
  /** Inner axis. */
  readonly columns: number;
  /** Steps in the source. */
  readonly fromRow: number;
  readonly fromColumn: number;
  /** Steps in the target. */
  readonly toRow: number;
  readonly toColumn: number;
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
  if (toStep === 1 && length >= shortRun) {
    if (fromStep === 1) {
      target.set(source.subarray(from, from + length), to);
      return;
    }
    if (fromStep === 0) {
      target.fill(source[from], to, to + length);
      return;
    }
  }
  let [read, write] = [from, to];
  for (let i = 0; i < length; i++) {
    target[write] = source[read];
    read += fromStep;
    write += toStep;
  }
}

/** Copies a plane. Where the source runs along the rows and the target along the columns, in tiles, so that neither leaves the caches. */
function copyPlane(plane: Plane, from: number, to: number): void {
  const { source, target, rows, columns, fromRow, fromColumn, toRow, toColumn } = plane;
  if (fromRow !== 1 || toColumn !== 1 || fromColumn < tile) {
    for (let row = 0; row < rows; row++) {
      copyRow(source, from + row * fromRow, fromColumn, target, to + row * toRow, toColumn, columns);
    }
    return;
  }
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(rows, top + tile);
    for (let left = 0; left < columns; left += tile) {
      const width = Math.min(tile, columns - left);
      for (let row = top; row < bottom; row++) {
        let read = from + row + left * fromColumn;
        const write = to + row * toRow + left;
        for (let k = 0; k < width; k++) {
          target[write + k] = source[read];
          read += fromColumn;
        }
      }
    }
  }
}

/** Strided elements of `source` into `target`, in place. */
export function copy(geometry: CopyGeometry, source: Storage, target: Storage): void {
  const from = arrayOf("copy", source);
  const written = own("copy", target);
  written.version++;
  const [shape, [fromStrides, toStrides]] = coalesce(geometry.shape, [geometry.sourceStrides, geometry.targetStrides]);
  while (shape.length < 2) {
    shape.unshift(1);
    fromStrides.unshift(shape.length === 1 ? 1 : 0);
    toStrides.unshift(shape.length === 1 ? 1 : 0);
  }
  const last = shape.length - 1;
  const plane: Plane = {
    source: from,
    target: written.data,
    rows: shape[last - 1],
    columns: shape[last],
    fromRow: fromStrides[last - 1],
    fromColumn: fromStrides[last],
    toRow: toStrides[last - 1],
    toColumn: toStrides[last],
  };
  const walk = (axis: number, fromOffset: number, toOffset: number): void => {
    if (axis === last - 1) {
      copyPlane(plane, fromOffset, toOffset);
      return;
    }
    for (let i = 0; i < shape[axis]; i++) {
      walk(axis + 1, fromOffset + i * fromStrides[axis], toOffset + i * toStrides[axis]);
    }
  };
  walk(0, geometry.sourceOffset, geometry.targetOffset);
}
