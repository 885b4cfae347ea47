import type { FloatArray } from "@squall/device";
import { multiplyTiles, packColumns, packRows, reserve, tileSide } from "./tiles.ts";

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

/** Longest run of the summed axis packed at a time. */
const innerBlock = 1024;
/** Most packed elements of either operand. */
const packedLimit = 1 << 17;
/** Most doubles in the partial sums. */
const partialLimit = 1 << 18;

/** `count` whole steps from 0: places of the rows or columns of a plain matrix. */
export function steps(count: number, step: number): Int32Array {
  const places = new Int32Array(count);
  for (let i = 0; i < count; i++) places[i] = i * step;
  return places;
}

function storeTile(
  c: Matrix,
  row: number,
  rowEnd: number,
  column: number,
  columnEnd: number,
  tiles: FloatArray,
  start: number,
  width: number,
  bias: Float64Array,
): void {
  const { data, offset, rows, columns } = c;
  for (let i = row; i < rowEnd; i++) {
    const place = offset + rows[i];
    const t = start + (i - row) * width - column;
    for (let j = column; j < columnEnd; j++) data[place + columns[j]] = bias[i] + tiles[t + j];
  }
}

function addTile(
  c: Matrix,
  row: number,
  rowEnd: number,
  column: number,
  columnEnd: number,
  tiles: FloatArray,
  start: number,
  width: number,
): void {
  const { data, offset, rows, columns } = c;
  for (let i = row; i < rowEnd; i++) {
    const place = offset + rows[i];
    const t = start + (i - row) * width - column;
    for (let j = column; j < columnEnd; j++) data[place + columns[j]] += tiles[t + j];
  }
}

/** Writes or adds a finished tile, `tiles` from `start` on with rows of `width`, into `c`. */
type TileSink = (
  c: Matrix,
  row: number,
  rowEnd: number,
  column: number,
  columnEnd: number,
  tiles: FloatArray,
  start: number,
  width: number,
) => void;

/** Lanes per block, whole panels, such that they fit the limit. */
function lanesPerBlock(inner: number): number {
  return Math.max(tileSide, Math.floor(packedLimit / inner / tileSide) * tileSide);
}

function panelsOf(lanes: number): number {
  return Math.ceil(lanes / tileSide);
}

/** `c` from `a · b`, tile by tile, with the summed axis in runs of `depth`. */
function multiplyBlocks(a: Matrix, b: Matrix, c: Matrix, depth: number, sink: TileSink): void {
  const inner = b.rows.length;
  const rows = c.rows.length;
  const columns = c.columns.length;
  const rowBlock = Math.min(lanesPerBlock(depth), panelsOf(rows) * tileSide);
  const columnBlock = Math.min(lanesPerBlock(depth), panelsOf(columns) * tileSide);
  const tileSize = tileSide ** 2;
  reserve(rowBlock * depth, columnBlock * depth, rowBlock / tileSide);
  for (let left = 0; left < columns; left += columnBlock) {
    const right = Math.min(columns, left + columnBlock);
    for (let innerFrom = 0; innerFrom < inner; innerFrom += depth) {
      const innerTo = Math.min(inner, innerFrom + depth);
      const run = { innerFrom, innerTo };
      packColumns({
        ...run,
        data: b.data,
        offset: b.offset,
        lanes: b.columns,
        from: left,
        to: right,
        inner: b.rows,
      });
      for (let top = 0; top < rows; top += rowBlock) {
        const bottom = Math.min(rows, top + rowBlock);
        packRows({
          ...run,
          data: a.data,
          offset: a.offset,
          lanes: a.rows,
          from: top,
          to: bottom,
          inner: a.columns,
        });
        const panels = panelsOf(bottom - top);
        for (let j = left; j < right; j += tileSide) {
          const jEnd = Math.min(right, j + tileSide);
          const tiles = multiplyTiles(panels, (j - left) / tileSide, innerTo - innerFrom);
          for (let p = 0; p < panels; p++) {
            const i = top + p * tileSide;
            sink(c, i, Math.min(bottom, i + tileSide), j, jEnd, tiles, p * tileSize, tileSide);
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
    multiplyBlocks(a, b, c, inner, (to, row, rowEnd, column, columnEnd, tiles, start, width) => {
      storeTile(to, row, rowEnd, column, columnEnd, tiles, start, width, bias);
    });
  } else {
    // Several runs of the summed axis: doubles take the partial sums.
    const block = Math.max(1, Math.min(columns, Math.floor(partialLimit / rows)));
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
