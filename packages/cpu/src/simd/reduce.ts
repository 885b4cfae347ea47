import type { ReduceGeometry, Reduction, Storage } from "@squall/device";
import { vectorsFor } from "../dispatch.ts";
import { emitColumnReduction, emitRowReduction } from "../emit/reduce.ts";
import { identity, joins, mergeAxes, reduce as reduceByLoops } from "../loops/reduce.ts";
import { CpuStorage } from "../storage.ts";
import { kernelMemory, slotFloats, slotPlace } from "./kernelMemory.ts";

/** Below this many elements the loops are done before vectors have begun. */
const fewElements = 64;
/** Fewest columns of a block that is put together from several rows. */
const narrowBlock = 512;

/** What is gathered so far, and what to do with it. */
interface Work {
  readonly data: Float32Array;
  readonly reduction: Reduction;
  readonly total: Float64Array;
  /** Sizes of the outer axes. */
  readonly sizes: readonly number[];
  /** Their steps in the result, 0 along reduced axes. */
  readonly strides: readonly number[];
}

/** Counts through the outer axes: calls give the place in the result of one combination after the other. */
function placesOf({ sizes, strides }: Work): () => number {
  const index = sizes.map(() => 0);
  let place = 0;
  return () => {
    const current = place;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < sizes[axis]) break;
      place -= sizes[axis] * strides[axis];
      index[axis] = 0;
    }
    return current;
  };
}

/** Rows of `length` elements, each to one number. */
function reduceRows(work: Work, length: number): void {
  const { data, reduction, total } = work;
  const memory = kernelMemory();
  const [slot, results] = [memory.slots[0], memory.doubleSlots[1]];
  const run = memory.kernel(`rows ${reduction}`, () => emitRowReduction(reduction, slotPlace(0), slotPlace(1)));
  const join = joins[reduction];
  const nextPlace = placesOf(work);
  if (length > slotFloats) {
    for (let row = 0; row < data.length; row += length) {
      let gathered = identity[reduction];
      for (let from = row; from < row + length; from += slotFloats) {
        const count = Math.min(slotFloats, row + length - from);
        slot.set(data.subarray(from, from + count));
        run(1, count);
        gathered = join(gathered, results[0]);
      }
      const place = nextPlace();
      total[place] = join(total[place], gathered);
    }
    return;
  }
  const block = slotFloats - (slotFloats % length);
  for (let from = 0; from < data.length; from += block) {
    const count = Math.min(block, data.length - from);
    slot.set(count === data.length ? data : data.subarray(from, from + count));
    const rows = count / length;
    run(rows, length);
    for (let row = 0; row < rows; row++) {
      const place = nextPlace();
      total[place] = join(total[place], results[row]);
    }
  }
}

/** Blocks of `rows` rows of `length` columns, each block to one row. */
function reduceColumns(work: Work, rows: number, length: number): void {
  const { data, reduction, total } = work;
  const memory = kernelMemory();
  const slot = memory.slots[0];
  const gathered = reduction === "sum" ? memory.doubleSlots[1] : memory.slots[1];
  const run = memory.kernel(`columns ${reduction}`, () => emitColumnReduction(reduction, slotPlace(0), slotPlace(1)));
  const join = joins[reduction];
  const nextPlace = placesOf(work);
  const columns = Math.min(length, Math.max(narrowBlock, Math.floor(slotFloats / rows)));
  const most = Math.floor(slotFloats / columns);
  for (let origin = 0; origin < data.length; origin += rows * length) {
    const place = nextPlace();
    for (let left = 0; left < length; left += columns) {
      const width = Math.min(columns, length - left);
      gathered.fill(identity[reduction], 0, width + 3);
      for (let row = 0; row < rows; row += most) {
        const count = Math.min(most, rows - row);
        const from = origin + row * length + left;
        if (width === length) slot.set(data.subarray(from, from + count * length));
        else {
          for (let k = 0; k < count; k++) {
            slot.set(data.subarray(from + k * length, from + k * length + width), k * width);
          }
        }
        run(count, width);
      }
      for (let k = 0; k < width; k++) total[place + left + k] = join(total[place + left + k], gathered[k]);
    }
  }
}

/** Sum, maximum or minimum over some axes: in vectors, block by block, or by the loops. Sums are taken in doubles either way. */
export function reduce(geometry: ReduceGeometry, reduction: Reduction, source: Storage): Storage {
  const [data] = vectorsFor("reduce", [source]) ?? [];
  if (data === undefined || data.length < fewElements) return reduceByLoops(geometry, reduction, source);
  const axes = mergeAxes(geometry);
  if (!axes.some(({ reduced }) => reduced)) return new CpuStorage(data.slice());
  const inner = axes.pop();
  const middle = inner?.reduced === false ? axes.pop() : undefined;
  if (inner === undefined) return new CpuStorage(data.slice());
  let size = inner.reduced ? 1 : inner.size;
  const strides = axes.map(() => 0);
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    if (axes[axis].reduced) continue;
    strides[axis] = size;
    size *= axes[axis].size;
  }
  const total = new Float64Array(size).fill(identity[reduction]);
  const work = { data, reduction, total, sizes: axes.map((axis) => axis.size), strides };
  if (middle === undefined) reduceRows(work, inner.size);
  else reduceColumns(work, middle.size, inner.size);
  return new CpuStorage(new Float32Array(total));
}
