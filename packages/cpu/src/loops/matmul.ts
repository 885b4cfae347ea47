import { allocate, type MatmulGeometry, type Storage } from "@squall/device";
import { arrayOf, CpuStorage } from "../storage.ts";
import { multiply, steps } from "./gemm.ts";

/** Batched matrix product. */
export function matmul(geometry: MatmulGeometry, a: Storage, b: Storage): Storage {
  const { batch, rows, inner, columns, transposeA, transposeB } = geometry;
  const [left, right] = [arrayOf("matmul", a), arrayOf("matmul", b)];
  const out = allocate(a.dtype, batch * rows * columns);
  if (inner === 0) return new CpuStorage(out);
  const leftPlaces = { rows: steps(rows, transposeA ? 1 : inner), columns: steps(inner, transposeA ? rows : 1) };
  const rightPlaces = { rows: steps(inner, transposeB ? 1 : columns), columns: steps(columns, transposeB ? inner : 1) };
  const outPlaces = { rows: steps(rows, columns), columns: steps(columns, 1) };
  for (let n = 0; n < batch; n++) {
    multiply(
      { data: left, offset: n * rows * inner, ...leftPlaces },
      { data: right, offset: n * inner * columns, ...rightPlaces },
      { data: out, offset: n * rows * columns, ...outPlaces },
    );
  }
  return new CpuStorage(out);
}
