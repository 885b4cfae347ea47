import type { Reduction } from "@squall/device";
import { sizeOf, stridesOf } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpu, type KernelPath } from "../src/index.ts";
import { by, dot, dtype, expectClose, indices, numbers, seed } from "./samples.ts";

const { reduce } = cpu.kernels;

const reductions = {
  sum: { start: 0, join: (a: number, b: number) => a + b },
  max: { start: Number.NEGATIVE_INFINITY, join: Math.max },
  min: { start: Number.POSITIVE_INFINITY, join: Math.min },
} satisfies Record<Reduction, unknown>;

const axes = fc.array(fc.record({ size: fc.nat(7), reduced: fc.boolean() }), { maxLength: 5 });

/** Some thousand elements in axes that go on being kept and reduced by turns: several blocks of vectors. */
const longAxes = fc
  .tuple(
    fc.constantFrom([9001], [3, 2999], [2999, 3], [2, 1500, 3], [5, 3, 601], [600, 17], [2, 2, 2, 5000]),
    fc.boolean(),
  )
  .map(([sizes, first]) => sizes.map((size, k) => ({ size, reduced: (k % 2 === 0) === first })));

describe("reduce", () => {
  it("agrees with the loop over all elements, over any axes, empty ones and NaN among them, by either path", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<KernelPath>("auto", "loops"),
        dtype,
        fc.oneof({ arbitrary: axes, weight: 3 }, longAxes),
        fc.constantFrom<Reduction>("sum", "max", "min"),
        seed,
        fc.boolean(),
        (path, type, all, reduction, start, withNaN) => {
          const shape = all.map((axis) => axis.size);
          const reduced = all.map((axis) => axis.reduced);
          const data = numbers(type, sizeOf(shape), start);
          if (withNaN && data.length > 0) data[start % data.length] = Number.NaN;
          const kept = shape.map((n, axis) => (reduced[axis] ? 1 : n));
          const keptStrides = stridesOf(kept).map((stride, axis) => (reduced[axis] ? 0 : stride));
          const { start: identity, join } = reductions[reduction];
          const want = new Float64Array(sizeOf(kept)).fill(identity);
          for (const index of indices(shape)) {
            const at = dot(index, keptStrides);
            want[at] = join(want[at], data[dot(index, stridesOf(shape))]);
          }
          expectClose(
            by(path, () => reduce({ shape, reduced }, reduction, cpu.upload(data))),
            want,
          );
        },
      ),
      { numRuns: 400 },
    );
  });

  it("sums float32 in doubles", () => {
    const data = new Float32Array(100_000).fill(0.1);
    const total = cpu.readSync(reduce({ shape: [100_000], reduced: [true] }, "sum", cpu.upload(data)))[0];
    expect(total).toBe(Math.fround(100_000 * Math.fround(0.1)));
  });
});
