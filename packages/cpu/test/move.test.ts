import { sizeOf, stridesOf } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpu } from "../src/index.ts";
import { dot, dtype, indices, numbers, sample, seed, values } from "./samples.ts";

const { fill, copy, cast } = cpu.kernels;

describe("fill", () => {
  it("repeats one value", () => {
    fc.assert(
      fc.property(dtype, fc.nat(20), fc.double(), (type, length, value) => {
        const want = type === "float32" ? new Float32Array(length).fill(value) : new Float64Array(length).fill(value);
        expect(values(fill(type, length, value))).toEqual(want);
      }),
    );
  });
});

describe("cast", () => {
  it("rounds to float32 and widens to float64", () => {
    const source = cpu.upload(Float64Array.of(0.1, 1 / 3, Number.NaN, 1e300));
    expect(values(cast(source, "float32"))).toEqual(Float32Array.of(0.1, 1 / 3, Number.NaN, Number.POSITIVE_INFINITY));
    const narrow = cpu.upload(Float32Array.of(0.1));
    expect(values(cast(narrow, "float64"))).toEqual(Float64Array.of(Math.fround(0.1)));
  });

  it("makes a new storage even for the same dtype", () => {
    const source = cpu.upload(Float32Array.of(1));
    const same = cast(source, "float32");
    cpu.kernels.update([{ kind: "constant", value: 2 }], [same], [], []);
    expect(values(source)).toEqual(Float32Array.of(1));
  });
});

/** A block inside a larger source, read permuted, flipped, strided or repeated, and written permuted into a larger target. */
const block = fc
  .array(
    fc.record({
      // Long axes reach the copies of whole runs and the tiles.
      size: fc.oneof({ arbitrary: fc.nat(5), weight: 5 }, fc.integer({ min: 17, max: 70 })),
      kind: fc.constantFrom("plain", "flipped", "strided", "repeated"),
      order: fc.nat(),
      margin: fc.nat(2),
    }),
    { maxLength: 3 },
  )
  .map((axes) => {
    const shape = axes.map((axis) => axis.size);
    const room = axes.map((axis) => Math.max(1, axis.size * (axis.kind === "strided" ? 2 : 1)) + axis.margin);
    const permute = (sizes: number[]): number[] => {
      const order = axes.map((_, i) => i).sort((a, b) => axes[a].order - axes[b].order);
      const strides = stridesOf(order.map((i) => sizes[i]));
      return sizes.map((_, i) => strides[order.indexOf(i)]);
    };
    const own = permute(room);
    const sourceStrides = own.map(
      (stride, i) => stride * { plain: 1, flipped: -1, strided: 2, repeated: 0 }[axes[i].kind],
    );
    const start = axes.map((axis) => (axis.kind === "flipped" ? Math.max(0, axis.size - 1) : 0));
    const targetRoom = axes.map((axis) => axis.size + axis.margin);
    return {
      geometry: {
        shape,
        sourceOffset: dot(start, own),
        sourceStrides,
        targetOffset: 3,
        targetStrides: stridesOf(targetRoom),
      },
      sourceLength: sizeOf(room),
      targetLength: sizeOf(targetRoom) + 3,
    };
  });

describe("copy", () => {
  it("moves every element of the block and nothing else", () => {
    fc.assert(
      fc.property(dtype, block, seed, (type, { geometry, sourceLength, targetLength }, start) => {
        const source = sample(type, sourceLength, start);
        const target = sample(type, targetLength, start + 1);
        const [from, want] = [values(source), values(target)];
        for (const index of indices(geometry.shape)) {
          want[geometry.targetOffset + dot(index, geometry.targetStrides)] =
            from[geometry.sourceOffset + dot(index, geometry.sourceStrides)];
        }
        copy(geometry, source, target);
        expect(values(target)).toEqual(want);
        expect(target.version).toBe(1);
        expect(source.version).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("moves long rows", () => {
    const source = cpu.upload(numbers("float32", 300, 1));
    const target = fill("float32", 400, 0);
    copy(
      { shape: [3, 100], sourceOffset: 0, sourceStrides: [100, 1], targetOffset: 7, targetStrides: [120, 1] },
      source,
      target,
    );
    for (let row = 0; row < 3; row++) {
      expect(values(target).subarray(7 + row * 120, 107 + row * 120)).toEqual(
        values(source).subarray(row * 100, row * 100 + 100),
      );
      expect(values(target)[107 + row * 120]).toBe(0);
    }
  });

  it("copies one element for the shape of a scalar", () => {
    const target = fill("float64", 2, 0);
    copy(
      { shape: [], sourceOffset: 1, sourceStrides: [], targetOffset: 1, targetStrides: [] },
      cpu.upload(Float64Array.of(4, 5)),
      target,
    );
    expect(values(target)).toEqual(Float64Array.of(0, 5));
  });
});
