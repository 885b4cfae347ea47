import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emitGemm } from "../src/emit/gemm.ts";
import { wasmTiles } from "../src/emit/tiles.ts";
import { loopTiles } from "../src/loops/tiles.ts";
import type { TileEngine } from "../src/tileEngine.ts";
import { numbers, seed } from "./samples.ts";

// Fused multiply-add is there on some engines only; plain SIMD on all that Squall supports.
const engines: [string, TileEngine][] = [
  ["loops", loopTiles],
  ["SIMD", wasmTiles(false)],
];
if (WebAssembly.validate(emitGemm(true))) engines.push(["SIMD with fused multiply-add", wasmTiles(true)]);

const problems = fc.record({
  rows: fc.integer({ min: 1, max: 20 }),
  columns: fc.integer({ min: 1, max: 20 }),
  depth: fc.integer({ min: 1, max: 40 }),
  skipped: fc.nat(5),
  seed,
});

describe.each(engines)("tiles by %s", (_, engine) => {
  it("are the sums over packed lanes, for any number of lanes and any run of the summed axis", () => {
    fc.assert(
      fc.property(problems, ({ rows, columns, depth, skipped, seed: start }) => {
        const whole = depth + skipped;
        const [a, b] = [numbers("float32", rows * whole, start), numbers("float32", columns * whole, start + 1)];
        const places = (count: number, step: number): Int32Array =>
          Int32Array.from({ length: count }, (_, k) => k * step);
        const run = { offset: 0, from: 0, inner: places(whole, 1), innerFrom: skipped, innerTo: whole };
        const panels = Math.ceil(rows / engine.rows);
        const columnPanels = Math.ceil(columns / engine.columns);
        engine.reserve(panels * engine.rows * depth, columnPanels * engine.columns * depth, panels);
        engine.packRows({ ...run, data: a, lanes: places(rows, whole), to: rows });
        engine.packColumns({ ...run, data: b, lanes: places(columns, whole), to: columns });
        for (let q = 0; q < columnPanels; q++) {
          const tiles = engine.multiply(panels, q, depth);
          for (let i = 0; i < rows; i++) {
            for (let j = q * engine.columns; j < Math.min(columns, (q + 1) * engine.columns); j++) {
              let [sum, size] = [0, 0];
              for (let k = skipped; k < whole; k++) {
                const product = a[i * whole + k] * b[j * whole + k];
                sum += product;
                size += Math.abs(product);
              }
              const place = Math.floor(i / engine.rows) * engine.rows * engine.columns;
              const got = tiles[place + (i % engine.rows) * engine.columns + (j % engine.columns)];
              expect(Math.abs(got - sum)).toBeLessThanOrEqual(depth * 2 ** -24 * size);
            }
          }
        }
      }),
    );
  });

  it("carry NaN and infinity", () => {
    const lanes = (count: number): Int32Array => Int32Array.from({ length: count }, (_, k) => k);
    const one = { offset: 0, from: 0, to: 1, inner: lanes(1), innerFrom: 0, innerTo: 1, lanes: lanes(1) };
    engine.reserve(engine.rows, engine.columns, 1);
    for (const [x, y] of [
      [Number.NaN, 1],
      [Number.POSITIVE_INFINITY, -2],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      engine.packRows({ ...one, data: Float32Array.of(x) });
      engine.packColumns({ ...one, data: Float32Array.of(y) });
      expect(engine.multiply(1, 0, 1)[0]).toBe(x * y);
    }
  });
});
