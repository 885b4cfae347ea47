import { broadcastShapes, convGeometry, sizeOf } from "@squall/device";
import { Tensor } from "@squall/tensor";
import {
  awayFrom,
  axes,
  axisLists,
  axisOrders,
  broadcastableShapes,
  convProblems,
  convTransposeProblems,
  reductionAxes,
  samples,
  shapes,
  tensors,
} from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const some = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { numRuns: 300, seed: 5 });

describe("shapes", () => {
  it("keep to their limits and use them up", () => {
    const found = some(shapes({ minRank: 1, maxRank: 3, minSize: 0, maxSize: 2 }));
    expect(new Set(found.map((shape) => shape.length))).toEqual(new Set([1, 2, 3]));
    expect(new Set(found.flat())).toEqual(new Set([0, 1, 2]));
  });

  it("broadcast where they should", () => {
    const found = some(broadcastableShapes({ maxRank: 3 }, 3));
    for (const list of found) expect(() => broadcastShapes("test", list)).not.toThrow();
    expect(found.some(([a, b]) => a.length !== b.length)).toBe(true);
    expect(found.some(([a, b]) => a.length === b.length && a.some((n, axis) => n !== b[axis]))).toBe(true);
  });
});

describe("axes", () => {
  it("name every axis from both ends", () => {
    expect(new Set(some(axes(2)))).toEqual(new Set([-2, -1, 0, 1]));
  });

  it("come in lists without repetition, and in whole orders", () => {
    const plain = (list: readonly number[]): number[] => list.map((axis) => (axis + 3) % 3);
    for (const list of some(axisLists(3))) expect(new Set(plain(list)).size).toBe(list.length);
    const orders = some(axisOrders(3)).map((order) => plain(order).join());
    expect(new Set(orders).size).toBe(6);
  });

  it("for reductions are all, one or several", () => {
    const kinds = some(reductionAxes(2)).map((dim) => (Array.isArray(dim) ? "list" : typeof dim));
    expect(new Set(kinds)).toEqual(new Set(["list", "number", "undefined"]));
    expect(new Set(some(reductionAxes(0)).map((dim) => JSON.stringify(dim)))).toEqual(new Set([undefined, "[]"]));
  });
});

describe("tensors", () => {
  it("have the values that were asked for, the same for the same seed", () => {
    const arbitrary = tensors([20], { low: -1, high: 3, keep: awayFrom([0, 1], 0.1) });
    for (const x of some(arbitrary)) {
      for (const value of x.dataSync()) {
        expect(value >= -1 && value < 3 && Math.abs(value) >= 0.1 && Math.abs(value - 1) >= 0.1).toBe(true);
      }
      expect([x.dtype, x.requiresGrad]).toEqual(["float64", true]);
    }
    const drawn = (): number[][] => some(arbitrary).map((x) => [...x.dataSync()]);
    expect(drawn()).toEqual(drawn());
  });

  it("are distinct where asked, in random order", () => {
    for (const x of some(tensors([10], { distinct: true }))) {
      const sorted = [...x.dataSync()].sort((a, b) => a - b);
      for (const [k, value] of sorted.entries()) expect(value - (sorted[k - 1] ?? -9)).toBeGreaterThan(0.05);
    }
    const first = some(tensors([2], { distinct: true })).map((x) => x.dataSync()[0] > x.dataSync()[1]);
    expect(new Set(first)).toEqual(new Set([true, false]));
  });

  it("take shapes from an arbitrary, another dtype, and need no gradient", () => {
    const [x] = some(tensors(shapes({ minRank: 2, maxRank: 2 }), { dtype: "float32", requiresGrad: false }));
    expect([x.rank, x.dtype, x.requiresGrad]).toEqual([2, "float32", false]);
  });

  it("refuse a range of which nothing is kept", () => {
    expect(() => some(tensors([1], { keep: () => false }))).toThrow(
      refusal("ArgumentError", "tensors: hardly any value between -2 and 2 is kept; widen the range"),
    );
  });
});

describe.each([1, 2, 3] as const)("convolution problems over %i axes", (spatialAxes) => {
  it("fit, and use every option", () => {
    const found = some(convProblems(spatialAxes));
    for (const { input, weight, options } of found) {
      expect(sizeOf(convGeometry("test", input, weight, options).axes.map((axis) => axis.outSize))).toBeGreaterThan(0);
    }
    const kernels = found.flatMap(({ weight }) => weight.slice(2));
    expect(new Set(kernels)).toEqual(new Set([1, 2, 3]));
    const styles = found.map(({ options: { padding } }) => (typeof padding === "object" ? "list" : typeof padding));
    expect(new Set(styles)).toEqual(new Set(["list", "number", "string"]));
    const words = found.map(({ options }) => options.padding).filter((padding) => typeof padding === "string");
    expect(new Set(words)).toEqual(new Set(["same", "valid"]));
    expect(new Set(found.map(({ options }) => options.groups))).toEqual(new Set([1, 2, 3]));
    expect(new Set(found.map(({ bias }) => bias?.length))).toEqual(new Set([undefined, 1]));
    const pads = found.flatMap(({ options: { padding } }) => (typeof padding === "object" ? [...padding] : []));
    expect(pads.some((pair) => typeof pair === "object" && pair[0] !== pair[1])).toBe(true);
  });

  it("and transposed ones fit, and use every option", () => {
    const found = some(convTransposeProblems(spatialAxes));
    const used = (name: "stride" | "padding" | "outputPadding" | "dilation"): number[] =>
      [...new Set(found.flatMap(({ options }) => options[name] ?? []))].sort();
    expect(used("stride")).toEqual([1, 2, 3]);
    expect(used("dilation")).toEqual([1, 2, 3]);
    expect(used("outputPadding")).toEqual([0, 1, 2]);
    expect(used("padding")).toEqual([0, 1, 2]);
  });
});

it("every row of the table makes cases that can be called, with float64 inputs", () => {
  for (const row of samples) {
    for (const { inputs, apply } of fc.sample(row.cases, { numRuns: 3, seed: 2 })) {
      expect(inputs.map((input) => input.dtype)).toEqual(inputs.map(() => "float64"));
      const outputs = [apply(...inputs)].flat();
      expect(outputs.length > 0 && outputs.every((output) => output instanceof Tensor), row.name).toBe(true);
    }
  }
});
