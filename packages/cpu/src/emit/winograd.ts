import type { Coefficients } from "./linearMap.ts";

/*
 * Winograd's minimal filtering F(m, r) with m + r − 1 = 6 (Lavin and Gray 2016) over the points 0, 1, −1, 2, −2 and ∞:
 * Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A. One Bᵀ serves F(4, 3) and F(2, 5).
 */
const points = [0, 1, -1, 2, -2];

/** Points of a tile along one axis. */
export const tilePoints = 6;

/** Input transform Bᵀ `[6, 6]`. */
export const inputTransform: Coefficients = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];

/** The rows of a matrix as its columns. */
export function transposed(matrix: Coefficients): Coefficients {
  return matrix[0].map((_, k) => matrix.map((row) => row[k]));
}

/** Powers 0 to `count − 1` of each point, and the highest alone for ∞. */
function powers(count: number): number[][] {
  const rows = points.map((p) => Array.from({ length: count }, (_, k) => p ** k));
  rows.push(Array.from({ length: count }, (_, k) => (k === count - 1 ? 1 : 0)));
  return rows;
}

/** Weight transform G `[6, r]` for kernels of r taps. */
export function weightTransform(taps: number): Coefficients {
  return powers(taps).map((row, index) => {
    const p = points[index];
    if (p === undefined) return row;
    const scale = points.reduce((product, q) => (q === p ? product : product * (p - q)), 1);
    return row.map((x) => x / scale);
  });
}

/** Output transform Aᵀ `[m, 6]` for m outputs. */
export function outputTransform(outputs: number): Coefficients {
  return transposed(powers(outputs));
}
