import type { FloatArray, MatmulGeometry } from "@squall/device";
import fc from "fast-check";
import { describe, it } from "vitest";
import { cpu, setKernelPath } from "../src/index.ts";
import { dtype, expectClose, sample, seed, values } from "./samples.ts";

// The loops are the oracle that other paths are compared with; here they are themselves compared with textbook sums.
setKernelPath("loops");

const { matmul } = cpu.kernels;

function reference(geometry: MatmulGeometry, a: FloatArray, b: FloatArray): Float64Array {
  const { batch, rows, inner, columns, transposeA, transposeB } = geometry;
  const out = new Float64Array(batch * rows * columns);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        for (let k = 0; k < inner; k++) {
          const x = a[n * rows * inner + (transposeA ? k * rows + i : i * inner + k)];
          const y = b[n * inner * columns + (transposeB ? j * inner + k : k * columns + j)];
          out[(n * rows + i) * columns + j] += x * y;
        }
      }
    }
  }
  return out;
}

function check(geometry: MatmulGeometry, type: "float32" | "float64", start: number): void {
  const { batch, rows, inner, columns } = geometry;
  const a = sample(type, batch * rows * inner, start);
  const b = sample(type, batch * inner * columns, start + 1);
  expectClose(matmul(geometry, a, b), reference(geometry, values(a), values(b)));
}

const small = fc.record({
  batch: fc.nat(3),
  rows: fc.nat(11),
  inner: fc.nat(11),
  columns: fc.nat(11),
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
});

describe("matmul", () => {
  it("agrees with three loops on generated sizes, empty ones among them", () => {
    fc.assert(
      fc.property(dtype, small, seed, (type, geometry, start) => check(geometry, type, start)),
      {
        numRuns: 300,
      },
    );
  });

  // Sizes at which the summed axis, the rows and the columns are cut into several blocks.
  it.each([
    { batch: 1, rows: 5, inner: 4099, columns: 6 },
    { batch: 1, rows: 350, inner: 1025, columns: 7 },
    { batch: 2, rows: 6, inner: 1030, columns: 301 },
    { batch: 1, rows: 270, inner: 1024, columns: 9 },
    { batch: 1, rows: 1, inner: 3, columns: 100_000 },
    { batch: 1, rows: 100_000, inner: 2, columns: 1 },
  ])("agrees where blocks are cut: $rows x $inner x $columns", (sizes) => {
    for (const transposed of [false, true]) {
      check({ ...sizes, transposeA: transposed, transposeB: !transposed }, "float32", 5);
      check({ ...sizes, transposeA: !transposed, transposeB: !transposed }, "float64", 6);
    }
  });
});
