import type { MatmulGeometry, Storage } from "@squall/device";
import { vectorsFor } from "../dispatch.ts";
import * as loops from "../loops/matmul.ts";
import { CpuStorage } from "../storage.ts";
import { fastMatmul } from "./product.ts";

/** Multiply-adds below which the loops are done sooner than a job is prepared. */
const fewest = 1024;

/** Batched matrix product: in emitted code for float32, else by the loops. */
export function matmul(geometry: MatmulGeometry, a: Storage, b: Storage): Storage {
  const { batch, rows, inner, columns } = geometry;
  const arrays = batch * rows * inner * columns < fewest ? undefined : vectorsFor("matmul", [a, b]);
  return arrays === undefined
    ? loops.matmul(geometry, a, b)
    : new CpuStorage(fastMatmul(geometry, arrays[0], arrays[1]));
}
