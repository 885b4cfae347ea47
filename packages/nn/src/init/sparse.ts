import { defaultGenerator, type Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { matrixShape } from "./constant.ts";
import { type InitOptions, initNames, write } from "./fill.ts";

/** Options of {@link sparse_}. */
export interface SparseOptions extends InitOptions {
  /** Part of each column that is zero, 0 to 1. */
  readonly sparsity: number;
  /** Standard deviation of the rest. Default 0.01. */
  readonly std?: number;
}

const names: Names<SparseOptions> = { ...initNames, sparsity: true, std: true };

/**
 * Makes a matrix `[n, m]` sparse: `ceil(sparsity·n)` elements of each column, chosen at random, are 0; the rest are normal with mean 0
 * (Martens 2010). Returns the tensor.
 * @throws ShapeError unless it has two axes; ArgumentError if an option is unknown, `sparsity` is outside [0, 1] or `std` is negative
 */
export function sparse_<T extends Tensor>(tensor: T, options: SparseOptions): T {
  checkNames("sparse_", options, names);
  const { sparsity, std = 0.01, generator = defaultGenerator() } = options;
  const [rows, columns] = matrixShape("sparse_", tensor);
  checkNumber("sparse_", "sparsity", sparsity, "a number in [0, 1]", (n) => n >= 0 && n <= 1);
  checkNumber("sparse_", "std", std, "a finite number >= 0", (n) => n >= 0);
  const zeros = Math.ceil(sparsity * rows);
  const values = Float64Array.from({ length: rows * columns }, () => std * generator.normal());
  for (let column = 0; column < columns; column++) {
    // The first steps of a shuffle choose without repetition.
    const order = Array.from({ length: rows }, (_, row) => row);
    for (let k = 0; k < zeros; k++) {
      const other = generator.integer(k, rows);
      const row = order[other] ?? 0;
      order[other] = order[k] ?? 0;
      values[row * columns + column] = 0;
    }
  }
  return write(tensor, values);
}
