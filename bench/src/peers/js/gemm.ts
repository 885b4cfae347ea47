// A product of matrices as plain JavaScript does it well: packed panels, tiles of 4 x 4 in local variables.

/** A matrix in an array: element (i, j) stands at `i·rowStep + j·columnStep`. */
export interface Matrix {
  readonly data: Float32Array;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** Rows of a tile, and columns. */
const TILE = 4;

/** Panels of four lanes with their inner elements next to each other; lanes that do not exist are zero. */
function pack(data: Float32Array, lanes: number, laneStep: number, inner: number, innerStep: number): Float32Array {
  const packed = new Float32Array(Math.ceil(lanes / TILE) * TILE * inner);
  for (let lane = 0; lane < lanes; lane++) {
    let to = (lane - (lane % TILE)) * inner + (lane % TILE);
    let from = lane * laneStep;
    for (let k = 0; k < inner; k++) {
      packed[to] = data[from];
      to += TILE;
      from += innerStep;
    }
  }
  return packed;
}

/** `c[m, n] = a[m, k] · b[k, n] + start[m]`, `c` row-major from `offset` on. */
export function gemm(
  [m, n, inner]: readonly [m: number, n: number, k: number],
  a: Matrix,
  b: Matrix,
  c: Float32Array,
  offset = 0,
  start?: Float32Array,
): void {
  const rows = pack(a.data, m, a.rowStep, inner, a.columnStep);
  const columns = pack(b.data, n, b.columnStep, inner, b.rowStep);
  const tile = new Float64Array(TILE * TILE);
  for (let j = 0; j < n; j += TILE) {
    for (let i = 0; i < m; i += TILE) {
      sumTile(rows, i * inner, columns, j * inner, inner, tile);
      for (let row = i; row < Math.min(i + TILE, m); row++) {
        const first = start === undefined ? 0 : start[row];
        for (let column = j; column < Math.min(j + TILE, n); column++) {
          c[offset + row * n + column] = first + tile[(row - i) * TILE + column - j];
        }
      }
    }
  }
}

function sumTile(
  rows: Float32Array,
  row: number,
  columns: Float32Array,
  column: number,
  inner: number,
  tile: Float64Array,
): void {
  let [c00, c01, c02, c03] = [0, 0, 0, 0];
  let [c10, c11, c12, c13] = [0, 0, 0, 0];
  let [c20, c21, c22, c23] = [0, 0, 0, 0];
  let [c30, c31, c32, c33] = [0, 0, 0, 0];
  for (let k = 0; k < TILE * inner; k += TILE) {
    const a0 = rows[row + k];
    const a1 = rows[row + k + 1];
    const a2 = rows[row + k + 2];
    const a3 = rows[row + k + 3];
    const b0 = columns[column + k];
    const b1 = columns[column + k + 1];
    const b2 = columns[column + k + 2];
    const b3 = columns[column + k + 3];
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
  }
  tile.set([c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33]);
}
