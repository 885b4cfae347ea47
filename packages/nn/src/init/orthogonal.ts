import { formatShape, ShapeError } from "@squall/device";
import { defaultGenerator, type Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { type InitOptions, initNames, write } from "./fill.ts";

/** Options of {@link orthogonal_}. */
export interface OrthogonalOptions extends InitOptions {
  /** Factor on every element, see {@link calculateGain}. Default 1. */
  readonly gain?: number;
}

const names: Names<OrthogonalOptions> = { ...initNames, gain: true };

/** The vector of `q` at `row` becomes `(I - β·v·vᵀ)` times itself; both are zero before entry `from`. */
function reflect(q: Float64Array, row: number, v: Float64Array, from: number, length: number, beta: number): void {
  let dot = 0;
  for (let i = from; i < length; i++) dot += (q[row + i] ?? 0) * (v[i] ?? 0);
  const step = beta * dot;
  for (let i = from; i < length; i++) q[row + i] = (q[row + i] ?? 0) - step * (v[i] ?? 0);
}

/**
 * `count` orthonormal vectors of `length >= count`, one after the other, uniformly distributed: the first columns of Q in the QR decomposition
 * of a normal random matrix, signs such that the diagonal of R is positive (Mezzadri 2007).
 *
 * R itself is never made. A Householder reflection leaves the columns that come after it normal and independent of it, so the k-th
 * reflection may as well be made from a fresh normal vector of the length that is left (Stewart 1980).
 */
function orthonormalVectors(count: number, length: number, normal: () => number): Float64Array {
  const q = new Float64Array(count * length);
  const signs = new Float64Array(count);
  const reflector = new Float64Array(length);
  // q = H₀·H₁·…·I, from the right: before step k only entries from k + 1 on differ from the identity.
  for (let k = count - 1; k >= 0; k--) {
    let squares = 0;
    for (let i = k; i < length; i++) {
      const value = normal();
      reflector[i] = value;
      squares += value * value;
    }
    const first = reflector[k] ?? 0;
    const norm = first < 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
    // H = I - β·v·vᵀ sends the drawn vector to -norm·e_k, which becomes the diagonal of R.
    reflector[k] = first + norm;
    const beta = 1 / (norm * (norm + first));
    signs[k] = norm < 0 ? 1 : -1;
    q[k * length + k] = 1;
    for (let j = k; j < count; j++) reflect(q, j * length, reflector, k, length, beta);
  }
  for (let k = 0; k < count; k++) {
    const sign = signs[k] ?? 1;
    if (sign < 0) for (let i = k * length; i < (k + 1) * length; i++) q[i] = -(q[i] ?? 0);
  }
  return q;
}

/**
 * Makes the matrix `[n, m…]` (axes after the first joined) orthogonal times `gain`: its rows, or its columns if there are more rows, have
 * length `gain` and stand at right angles. All such matrices are equally likely (Saxe et al. 2013). Returns the tensor.
 * @throws ShapeError if it has fewer than two axes; ArgumentError if an option is unknown or `gain` is not a finite number
 */
export function orthogonal_<T extends Tensor>(tensor: T, options: OrthogonalOptions = {}): T {
  checkNames("orthogonal_", options, names);
  const { gain = 1, generator = defaultGenerator() } = options;
  checkNumber("orthogonal_", "gain", gain);
  if (tensor.rank < 2) {
    throw new ShapeError("orthogonal_", `needs at least two axes, got shape ${formatShape(tensor.shape)}`, {
      expected: 2,
      got: tensor.rank,
    });
  }
  if (tensor.size === 0) return tensor;
  const [rows = 1] = tensor.shape;
  const columns = tensor.size / rows;
  const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
  const vectors = orthonormalVectors(count, length, () => generator.normal());
  const values = new Float64Array(tensor.size);
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < length; i++) {
      values[rows <= columns ? k * length + i : i * columns + k] = gain * (vectors[k * length + i] ?? 0);
    }
  }
  return write(tensor, values);
}
