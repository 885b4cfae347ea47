import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { multiplyTiles, packColumns, packRows, reserve, tileSide } from "../src/loops/tiles.ts";
import { numbers, seed } from "./samples.ts";

const problems = fc.record({
  rows: fc.integer({ min: 1, max: 20 }),
  columns: fc.integer({ min: 1, max: 20 }),
  depth: fc.integer({ min: 1, max: 40 }),
  skipped: fc.nat(5),
  seed,
});

describe("tiles of the loops", () => {
  it("are the sums over packed lanes, for any number of lanes and any run of the summed axis", () => {
    fc.assert(
      fc.property(problems, ({ rows, columns, depth, skipped, seed: start }) => {
        const whole = depth + skipped;
        const [a, b] = [numbers("float32", rows * whole, start), numbers("float32", columns * whole, start + 1)];
        const places = (count: number, step: number): Int32Array =>
          Int32Array.from({ length: count }, (_, k) => k * step);
        const run = { offset: 0, from: 0, inner: places(whole, 1), innerFrom: skipped, innerTo: whole };
        const panels = Math.ceil(rows / tileSide);
        const columnPanels = Math.ceil(columns / tileSide);
        reserve(panels * tileSide * depth, columnPanels * tileSide * depth, panels);
        packRows({ ...run, data: a, lanes: places(rows, whole), to: rows });
        packColumns({ ...run, data: b, lanes: places(columns, whole), to: columns });
        for (let q = 0; q < columnPanels; q++) {
          const tiles = multiplyTiles(panels, q, depth);
          for (let i = 0; i < rows; i++) {
            for (let j = q * tileSide; j < Math.min(columns, (q + 1) * tileSide); j++) {
              let [sum, size] = [0, 0];
              for (let k = skipped; k < whole; k++) {
                const product = a[i * whole + k] * b[j * whole + k];
                sum += product;
                size += Math.abs(product);
              }
              const place = Math.floor(i / tileSide) * tileSide * tileSide;
              const got = tiles[place + (i % tileSide) * tileSide + (j % tileSide)];
              expect(Math.abs(got - sum)).toBeLessThanOrEqual(depth * 2 ** -53 * size);
            }
          }
        }
      }),
    );
  });

  it("carry NaN and infinity", () => {
    const lanes = (count: number): Int32Array => Int32Array.from({ length: count }, (_, k) => k);
    const one = { offset: 0, from: 0, to: 1, inner: lanes(1), innerFrom: 0, innerTo: 1, lanes: lanes(1) };
    reserve(tileSide, tileSide, 1);
    for (const [x, y] of [
      [Number.NaN, 1],
      [Number.POSITIVE_INFINITY, -2],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      packRows({ ...one, data: Float32Array.of(x) });
      packColumns({ ...one, data: Float32Array.of(y) });
      expect(multiplyTiles(1, 0, 1)[0]).toBe(x * y);
    }
  });
});
