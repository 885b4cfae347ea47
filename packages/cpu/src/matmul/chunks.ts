import type { MatmulGeometry } from "@squall/device";

/** A range of whole numbers, the end not included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A part of a batched product that is staged at once. */
export interface Chunk {
  /** Matrix pairs: several only if they are whole. */
  readonly batch: Range;
  readonly rows: Range;
  readonly inner: Range;
  readonly columns: Range;
}

/** Most floats staged at a time: A, B twice (as it is, and in panels) and results. */
const stagedLimit = 16 << 20;
/** Sides of large products are not cut below this. */
const side = 2048;

/** How many of `count` fit into `room`, at least one. */
function fitting(count: number, each: number, room: number): number {
  return Math.max(1, Math.min(count, Math.floor(room / each)));
}

function* ranges(count: number, length: number): Generator<Range> {
  for (let from = 0; from < count; from += length) yield { from, to: Math.min(count, from + length) };
}

/** Cuts a batched product into parts that fit the scratch; those along the summed axis come one after the other, in order. */
export function* chunksOf({ batch, rows, inner, columns }: MatmulGeometry): Generator<Chunk> {
  const staged = rows * inner + 2 * inner * columns + rows * columns;
  const together = fitting(batch, staged, stagedLimit);
  const whole = staged <= stagedLimit;
  let height = whole ? rows : Math.min(rows, side);
  let width = whole ? columns : Math.min(columns, side);
  let depth = inner;
  if (!whole) {
    // The summed axis first: cutting it costs most. What is left goes to the side that is still cut.
    depth = fitting(inner, height + 2 * width, stagedLimit - height * width);
    if (depth < inner) depth = Math.max(side, depth - (depth % side));
    else if (height < rows) height = fitting(rows, inner + width, stagedLimit - 2 * inner * width);
    else width = fitting(columns, 2 * inner + height, stagedLimit - inner * height);
  }
  for (const n of ranges(batch, together)) {
    for (const i of ranges(rows, height)) {
      for (const j of ranges(columns, width)) {
        for (const k of ranges(inner, depth)) yield { batch: n, rows: i, inner: k, columns: j };
      }
    }
  }
}
