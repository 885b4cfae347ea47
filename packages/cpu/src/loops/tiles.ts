import type { FloatArray } from "@squall/device";

/** Part of an operand that is packed: lanes (rows of A or columns of B) along a run of the summed axis. */
export interface Lanes {
  /** Where the elements are; element (lane, k) is `data[offset + lanes[lane] + inner[k]]`. */
  readonly data: FloatArray;
  /** Added to every place. */
  readonly offset: number;
  /** Place of each lane. */
  readonly lanes: Int32Array;
  /** First lane. */
  readonly from: number;
  /** Lane after the last. */
  readonly to: number;
  /** Place of each element of the summed axis. */
  readonly inner: Int32Array;
  /** First element of the run. */
  readonly innerFrom: number;
  /** Element after the last. */
  readonly innerTo: number;
}

/** Rows and columns of a tile of a matrix product. */
export const tileSide = 4;

let packedA: Float64Array = new Float64Array(0);
let packedB: Float64Array = new Float64Array(0);
let results: Float64Array = new Float64Array(0);

/** Packs four lanes to a panel, so that the tile loop reads both operands in order. Lanes past the end repeat the last one. */
function pack({ data, offset, lanes, from, to, inner, innerFrom, innerTo }: Lanes, out: Float64Array): void {
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
function multiplyTile(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  inner: number,
  out: Float64Array,
  outStart: number,
): void {
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
  out[outStart] = c00;
  out[outStart + 1] = c01;
  out[outStart + 2] = c02;
  out[outStart + 3] = c03;
  out[outStart + 4] = c10;
  out[outStart + 5] = c11;
  out[outStart + 6] = c12;
  out[outStart + 7] = c13;
  out[outStart + 8] = c20;
  out[outStart + 9] = c21;
  out[outStart + 10] = c22;
  out[outStart + 11] = c23;
  out[outStart + 12] = c30;
  out[outStart + 13] = c31;
  out[outStart + 14] = c32;
  out[outStart + 15] = c33;
}

function atLeast(scratch: Float64Array, length: number): Float64Array {
  return scratch.length >= length ? scratch : new Float64Array(length);
}

/** Makes room for so many packed elements of each operand, and so many row panels. */
export function reserve(a: number, b: number, panels: number): void {
  packedA = atLeast(packedA, a);
  packedB = atLeast(packedB, b);
  results = atLeast(results, panels * tileSide ** 2);
}

/** Packs rows of A. Lanes that fill up the last panel are never read as results. */
export function packRows(part: Lanes): void {
  pack(part, packedA);
}

/** Packs columns of B, likewise. */
export function packColumns(part: Lanes): void {
  pack(part, packedB);
}

/**
 * Multiplies the first `panels` row panels by one column panel, in double precision.
 * @returns one row-major tile per row panel, one after the other; valid until the next call
 */
export function multiplyTiles(panels: number, columnPanel: number, depth: number): Float64Array {
  const panel = depth * tileSide;
  for (let p = 0; p < panels; p++) {
    multiplyTile(packedA, p * panel, packedB, columnPanel * panel, depth, results, p * tileSide ** 2);
  }
  return results;
}
