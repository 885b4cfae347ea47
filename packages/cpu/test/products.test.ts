// float32 matrix products in emitted code, against the loops.
import type { FloatArray, MatmulGeometry } from "@squall/device";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpu, setThreads } from "../src/index.ts";
import { type Chunk, chunksOf, type Range } from "../src/matmul/chunks.ts";
import { fastMatmul } from "../src/matmul/product.ts";
import { leastWork, setLeastWork } from "../src/pool/pool.ts";
import { by, numbers, seed } from "./samples.ts";

beforeAll(() => setLeastWork(0));
afterAll(() => {
  setLeastWork(leastWork);
  setThreads(1);
});

const float32 = (data: FloatArray): Float32Array => Float32Array.from(data);

/** Expects agreement with the loops to the rounding of float32 sums, and the same bits from one thread and two. */
function check(geometry: MatmulGeometry, start: number): void {
  const { batch, rows, inner, columns } = geometry;
  const a = float32(numbers("float32", batch * rows * inner, start));
  const b = float32(numbers("float32", batch * inner * columns, start + 1));
  const oracle = (x: FloatArray, y: FloatArray): FloatArray =>
    by("loops", () => cpu.readSync(cpu.kernels.matmul(geometry, cpu.upload(x), cpu.upload(y))));
  setThreads(1);
  const alone = fastMatmul(geometry, a, b);
  setThreads(2);
  const together = fastMatmul(geometry, a, b);
  const [want, bound] = [oracle(a, b), oracle(a.map(Math.abs), b.map(Math.abs))];
  expect(alone.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const near = Math.abs(alone[i] - want[i]) <= (inner + 2) * 2 ** -24 * bound[i] + 1e-30;
    if (near && Object.is(alone[i], together[i])) continue;
    expect.fail(`element ${i}: ${alone[i]} alone, ${together[i]} together, ${want[i]} by the loops`);
  }
}

const flags = { transposeA: fc.boolean(), transposeB: fc.boolean() };
const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const small = fc.record({ batch: upTo(40), rows: upTo(14), inner: upTo(14), columns: upTo(20), ...flags });
const middle = fc.record({ batch: upTo(3), rows: upTo(250), inner: upTo(600), columns: upTo(90), ...flags });

describe("matrix products in emitted code", () => {
  it("agree with the loops on generated sizes, and with themselves on any number of threads", () => {
    fc.assert(fc.property(small, seed, check), { numRuns: 60 });
    fc.assert(fc.property(middle, seed, check), { numRuns: 25 });
  });

  // Sizes of which only a part is staged at a time.
  it.each([
    { batch: 2, rows: 3, inner: 1_000_000, columns: 7 },
    { batch: 1, rows: 1_000_000, inner: 9, columns: 8 },
    { batch: 1, rows: 4, inner: 12, columns: 650_000 },
  ])("are exact for whole numbers where $rows x $inner x $columns do not fit the scratch at once", (sizes) => {
    const { batch, rows, inner, columns } = sizes;
    const whole = (count: number, start: number): Float32Array =>
      Float32Array.from({ length: count }, (_, k) => ((k * start) % 7) - 3);
    const [a, b] = [whole(batch * rows * inner, 5), whole(batch * inner * columns, 11)];
    for (const transposeA of [false, true]) {
      const geometry = { ...sizes, transposeA, transposeB: !transposeA };
      const want = by("loops", () => cpu.readSync(cpu.kernels.matmul(geometry, cpu.upload(a), cpu.upload(b))));
      const got = fastMatmul(geometry, a, b);
      expect(got.length).toBe(want.length);
      expect(got.findIndex((value, k) => value !== want[k])).toBe(-1);
    }
  });

  it("round long sums as sums of blocks: a million products to 5e-6, where one after the other gives 1e-4", () => {
    const [rows, inner, columns] = [3, 1_000_000, 5];
    const positive = (count: number, start: number): Float32Array =>
      Float32Array.from(numbers("float32", count, start), (value) => value + 2);
    const [a, b] = [positive(rows * inner, 1), positive(inner * columns, 2)];
    const geometry = { batch: 1, rows, inner, columns, transposeA: false, transposeB: false };
    const want = by("loops", () => cpu.readSync(cpu.kernels.matmul(geometry, cpu.upload(a), cpu.upload(b))));
    const got = fastMatmul(geometry, a, b);
    expect(Math.max(...got.map((value, k) => Math.abs(value / want[k] - 1)))).toBeLessThanOrEqual(5e-6);
  });

  it("carry NaN and infinity, and keep them to their row and column", () => {
    const [rows, inner, columns] = [13, 20, 11];
    const [a, b] = [new Float32Array(rows * inner).fill(1), new Float32Array(inner * columns).fill(2)];
    a[12 * inner + 3] = Number.NaN;
    b[5 * columns + 10] = Number.POSITIVE_INFINITY;
    const out = fastMatmul({ batch: 1, rows, inner, columns, transposeA: false, transposeB: false }, a, b);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const want = i === 12 ? Number.NaN : j === 10 ? Number.POSITIVE_INFINITY : 40;
        expect(out[i * columns + j]).toBe(want);
      }
    }
  });
});

describe("chunks of a product", () => {
  const length = ({ from, to }: Range): number => to - from;
  const floats = ({ batch, rows, inner, columns }: Chunk): number => {
    const [n, i, k, j] = [batch, rows, inner, columns].map(length);
    return n * (i * k + 2 * k * j + i * j);
  };
  const side = fc.oneof(upTo(50), upTo(5000), upTo(2_000_000));

  it("are all of it once, in the order of the summed axis, and fit the scratch", () => {
    fc.assert(
      fc.property(upTo(5), side, side, side, (batch, rows, inner, columns) => {
        fc.pre(rows * inner * columns < 1e12);
        let covered = 0;
        let before: Chunk | undefined;
        for (const chunk of chunksOf({ batch, rows, inner, columns, transposeA: false, transposeB: false })) {
          expect(floats(chunk)).toBeLessThanOrEqual(1 << 24);
          covered += length(chunk.batch) * length(chunk.rows) * length(chunk.inner) * length(chunk.columns);
          expect(chunk.inner.from).toBe(before === undefined || before.inner.to === inner ? 0 : before.inner.to);
          before = chunk;
        }
        expect(covered).toBe(batch * rows * inner * columns);
      }),
      { numRuns: 60 },
    );
  });
});
