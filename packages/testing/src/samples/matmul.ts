import type { Shape } from "@squall/device";
import * as ops from "@squall/tensor";
import fc from "fast-check";
import { broadcastableShapes } from "../arbitraries/shapes.ts";
import { tensors } from "../arbitraries/tensors.ts";
import { row, type Sample } from "./sample.ts";

const size = fc.integer({ min: 1, max: 3 });

function product(name: string, pair: (n: number, k: number, m: number) => readonly [Shape, Shape]): Sample {
  const drawn = fc.tuple(size, size, size).chain(([n, k, m]) => {
    const [a, b] = pair(n, k, m);
    return fc.tuple(tensors(a), tensors(b));
  });
  return row(`matmul (${name})`, drawn, ([x, y]) => ({ label: "", inputs: [x, y], apply: (a, b) => ops.matmul(a, b) }));
}

const batched = row(
  "matmul (batches that broadcast)",
  fc
    .tuple(broadcastableShapes({ maxRank: 2, maxSize: 2 }), size, size, size)
    .chain(([[left = [], right = []], n, k, m]) => fc.tuple(tensors([...left, n, k]), tensors([...right, k, m]))),
  ([x, y]) => ({ label: "", inputs: [x, y], apply: (a, b) => ops.matmul(a, b) }),
);

const transposed = row(
  "matmul (transposed)",
  fc
    .tuple(fc.constantFrom([], [2]), fc.boolean(), fc.boolean(), size, size, size)
    .chain(([batch, transposeA, transposeB, n, k, m]) =>
      fc.tuple(
        tensors([...batch, ...(transposeA ? [k, n] : [n, k])]),
        tensors(transposeB ? [m, k] : [k, m]),
        fc.constant({ transposeA, transposeB }),
      ),
    ),
  ([x, y, options]) => ({
    label: JSON.stringify(options),
    inputs: [x, y],
    apply: (a, b) => ops.matmul(a, b, options),
  }),
);

/** Rows of the matrix product, one per case of ranks. */
export const matmulSamples: readonly Sample[] = [
  product("vector, vector", (_, k) => [[k], [k]]),
  product("matrix, vector", (n, k) => [[n, k], [k]]),
  product("vector, matrix", (_, k, m) => [[k], [k, m]]),
  product("matrix, matrix", (n, k, m) => [
    [n, k],
    [k, m],
  ]),
  product("batch, matrix", (n, k, m) => [
    [2, n, k],
    [k, m],
  ]),
  product("matrix, batch", (n, k, m) => [
    [n, k],
    [2, k, m],
  ]),
  product("batch, vector", (n, k) => [[2, 1, n, k], [k]]),
  product("vector, batch", (_, k, m) => [[k], [2, k, m]]),
  batched,
  transposed,
];
