import type { FloatArray } from "@squall/device";

/**
 * A matrix that lies anywhere in an array: element (i, j) is `data[offset + rows[i] + columns[j]]`. Plain and transposed matrices are of
 * this form, and so are the columns of an image that a convolution multiplies, which therefore never have to be written out.
 */
export interface Matrix {
  /** Where the elements are. */
  readonly data: FloatArray;
  /** Added to every place. */
  readonly offset: number;
  /** Place of each row. */
  readonly rows: Int32Array;
  /** Place of each column. */
  readonly columns: Int32Array;
}

/** Side of the square tile of results that is summed at a time. */
const tileSide = 4;
/** Longest run of the summed axis packed at a time. */
const innerBlock = 1024;
/** Most doubles in the packed panels of either operand. */
const packedLimit = 1 << 17;
/** Most doubles in the partial sums. */
const partialLimit = 1 << 18;

let packedA: Float64Array = new Float64Array(0);
let packedB: Float64Array = new Float64Array(0);
const tile = new Float64Array(tileSide * tileSide);

/** `count` whole steps from 0: places of the rows or columns of a plain matrix. */
export function steps(count: number, step: number): Int32Array {
  const places = new Int32Array(count);
  for (let i = 0; i < count; i++) places[i] = i * step;
  return places;
}

/**
 * Copies an operand into panels of four lanes (rows of A or columns of B), so that the tile loop reads both in order. Lanes past the
 * end repeat the last one; what they give is not stored.
 */
function pack(
  data: FloatArray,
  offset: number,
  lanes: Int32Array,
  from: number,
  to: number,
  inner: Int32Array,
  innerFrom: number,
  innerTo: number,
  out: Float64Array,
): void {
  let at = 0;
  for (let lane = from; lane < to; lane += tileSide) {
    const p0 = offset + lanes[lane];
    const p1 = offset + lanes[Math.min(lane + 1, to - 1)];
    const p2 = offset + lanes[Math.min(lane + 2, to - 1)];
    const p3 = offset + lanes[Math.min(lane + 3, to - 1)];
    for (let k = innerFrom; k < innerTo; k++) {
      const q = inner[k];
      out[at] = data[p0 + q];
      out[at + 1] = data[p1 + q];
      out[at + 2] = data[p2 + q];
      out[at + 3] = data[p3 + q];
      at += 4;
    }
  }
}

/** Sums one tile of four rows by four columns over packed panels. */
function multiplyTile(a: Float64Array, aStart: number, b: Float64Array, bStart: number, inner: number): void {
  let [c00, c01, c02, c03] = [0, 0, 0, 0];
  let [c10, c11, c12, c13] = [0, 0, 0, 0];
  let [c20, c21, c22, c23] = [0, 0, 0, 0];
  let [c30, c31, c32, c33] = [0, 0, 0, 0];
  let p = aStart;
  let q = bStart;
  for (let k = 0; k < inner; k++) {
    const b0 = b[q];
    const b1 = b[q + 1];
    const b2 = b[q + 2];
    const b3 = b[q + 3];
    const a0 = a[p];
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[p + 1];
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[p + 2];
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[p + 3];
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
    p += 4;
    q += 4;
  }
  tile[0] = c00;
  tile[1] = c01;
  tile[2] = c02;
  tile[3] = c03;
  tile[4] = c10;
  tile[5] = c11;
  tile[6] = c12;
  tile[7] = c13;
  tile[8] = c20;
  tile[9] = c21;
  tile[10] = c22;
  tile[11] = c23;
  tile[12] = c30;
  tile[13] = c31;
  tile[14] = c32;
  tile[15] = c33;
}

function storeTile(
  c: Matrix,
  row: number,
  rowEnd: number,
  column: number,
  columnEnd: number,
  bias: Float64Array,
): void {
  const { data, offset, rows, columns } = c;
  for (let i = row; i < rowEnd; i++) {
    const place = offset + rows[i];
    const t = (i - row) * tileSide - column;
    for (let j = column; j < columnEnd; j++) data[place + columns[j]] = bias[i] + tile[t + j];
  }
}

function addTile(c: Matrix, row: number, rowEnd: number, column: number, columnEnd: number): void {
  const { data, offset, rows, columns } = c;
  for (let i = row; i < rowEnd; i++) {
    const place = offset + rows[i];
    const t = (i - row) * tileSide - column;
    for (let j = column; j < columnEnd; j++) data[place + columns[j]] += tile[t + j];
  }
}

/** Writes or adds finished tiles into `c`. */
type TileSink = (c: Matrix, row: number, rowEnd: number, column: number, columnEnd: number) => void;

function roundUp(lanes: number): number {
  return Math.ceil(lanes / tileSide) * tileSide;
}

/** Lanes per block such that their panels fit the limit. */
function lanesPerBlock(inner: number): number {
  return Math.max(tileSide, Math.floor(packedLimit / inner / tileSide) * tileSide);
}

function atLeast(scratch: Float64Array, length: number): Float64Array {
  return scratch.length >= length ? scratch : new Float64Array(length);
}

/** `c` from `a · b`, tile by tile, with the summed axis in runs of `depth`. */
function multiplyBlocks(a: Matrix, b: Matrix, c: Matrix, depth: number, sink: TileSink): void {
  const inner = b.rows.length;
  const rows = c.rows.length;
  const columns = c.columns.length;
  const block = lanesPerBlock(depth);
  packedA = atLeast(packedA, Math.min(block, roundUp(rows)) * depth);
  packedB = atLeast(packedB, Math.min(block, roundUp(columns)) * depth);
  for (let left = 0; left < columns; left += block) {
    const right = Math.min(columns, left + block);
    for (let innerFrom = 0; innerFrom < inner; innerFrom += depth) {
      const innerTo = Math.min(inner, innerFrom + depth);
      const length = innerTo - innerFrom;
      pack(b.data, b.offset, b.columns, left, right, b.rows, innerFrom, innerTo, packedB);
      for (let top = 0; top < rows; top += block) {
        const bottom = Math.min(rows, top + block);
        pack(a.data, a.offset, a.rows, top, bottom, a.columns, innerFrom, innerTo, packedA);
        for (let j = left; j < right; j += tileSide) {
          const jEnd = Math.min(right, j + tileSide);
          for (let i = top; i < bottom; i += tileSide) {
            multiplyTile(packedA, (i - top) * length, packedB, (j - left) * length, length);
            sink(c, i, Math.min(bottom, i + tileSide), j, jEnd);
          }
        }
      }
    }
  }
}

/** The summed axis in equal runs of at most {@link innerBlock}. */
function depthOf(inner: number): number {
  return Math.ceil(inner / Math.ceil(inner / innerBlock));
}

/** A matrix of doubles, the only kind that partial sums may be added to. */
export interface DoubleMatrix extends Matrix {
  readonly data: Float64Array;
}

/** `c += a · b`, with `a.columns` and `b.rows` the summed axis. Places of `c` may coincide. */
export function multiplyAdd(a: Matrix, b: Matrix, c: DoubleMatrix): void {
  if (b.rows.length === 0) return;
  multiplyBlocks(a, b, c, depthOf(b.rows.length), addTile);
}

/** `c = a · b + bias`, one bias per row, rounded once. Places of `c` must not coincide, and the summed axis must not be empty. */
export function multiply(a: Matrix, b: Matrix, c: Matrix, bias: Float64Array = new Float64Array(c.rows.length)): void {
  const inner = b.rows.length;
  const rows = c.rows.length;
  const columns = c.columns.length;
  if (rows === 0 || columns === 0) return;
  if (inner <= innerBlock) {
    multiplyBlocks(a, b, c, inner, (to, row, rowEnd, column, columnEnd) => {
      storeTile(to, row, rowEnd, column, columnEnd, bias);
    });
  } else {
    // Several runs of the summed axis: doubles take the partial sums.
    const block = Math.max(tileSide, Math.min(columns, Math.floor(partialLimit / rows)));
    for (let left = 0; left < columns; left += block) {
      const right = Math.min(columns, left + block);
      const width = right - left;
      const sums = {
        data: new Float64Array(rows * width),
        offset: 0,
        rows: steps(rows, width),
        columns: steps(width, 1),
      };
      multiplyAdd(a, { ...b, columns: b.columns.subarray(left, right) }, sums);
      for (let i = 0; i < rows; i++) {
        const place = c.offset + c.rows[i];
        for (let j = 0; j < width; j++) c.data[place + c.columns[left + j]] = bias[i] + sums.data[i * width + j];
      }
    }
  }
}
