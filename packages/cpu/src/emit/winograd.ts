import type { Coefficients } from "./linearMap.ts";

/**
 * Winograd's minimal filtering F(m, r) along one axis (Lavin and Gray 2016): m outputs of r taps from n = m + r − 1 points,
 * `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` in two dimensions.
 */
export interface WinogradTile {
  /** m */
  readonly outputs: number;
  /** r */
  readonly taps: number;
  /** n */
  readonly points: number;
  /** Input transform Bᵀ `[n, n]`. */
  readonly input: Coefficients;
  /** Weight transform G `[n, r]`. */
  readonly weight: Coefficients;
  /** Output transform Aᵀ `[m, n]`. */
  readonly output: Coefficients;
}

/** Where polynomials are evaluated, besides ∞: pairs of opposite sign share their sums, powers of two are exact. */
const places = [0, 1, -1, 2, -2, 0.5, -0.5];

/** The rows of a matrix as its columns. */
export function transposed(matrix: Coefficients): Coefficients {
  return matrix[0].map((_, k) => matrix.map((row) => row[k]));
}

/** Coefficients of `Π (x − root)`, lowest power first. */
function polynomial(roots: readonly number[]): number[] {
  let coefficients = [1];
  for (const root of roots) {
    const raised = [0, ...coefficients];
    coefficients = raised.map((c, k) => c - root * (coefficients[k] ?? 0));
  }
  return coefficients;
}

/** The transforms of F(outputs, taps). @throws RangeError if it needs more points than there are */
export function winogradTile(outputs: number, taps: number): WinogradTile {
  const points = outputs + taps - 1;
  if (points - 1 > places.length) throw new RangeError(`F(${outputs}, ${taps}) needs ${points} points`);
  const at = places.slice(0, points - 1);
  const last = (count: number): number[] => Array.from({ length: count }, (_, k) => Number(k === count - 1));
  const powers = (p: number, count: number): number[] => Array.from({ length: count }, (_, k) => p ** k);
  const others = at.map((p) => at.filter((q) => q !== p));
  return {
    outputs,
    taps,
    points,
    input: [...others.map((roots) => [...polynomial(roots), 0]), polynomial(at)],
    weight: [
      ...at.map((p, k) => {
        const scale = others[k].reduce((product, q) => product * (p - q), 1);
        return powers(p, taps).map((x) => x / scale);
      }),
      last(taps),
    ],
    output: transposed([...at.map((p) => powers(p, outputs)), last(outputs)]),
  };
}
