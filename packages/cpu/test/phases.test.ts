// Convolutions in emitted code that are cut: strided input gradients into phases, large images into slabs.
import {
  type ConvGeometry,
  convGeometry,
  convInputShape,
  convOutputShape,
  convWeightShape,
  type FloatArray,
  sizeOf,
} from "@squall/device";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { solve } from "../src/conv/convolution.ts";
import { type ConvProblem, forwardProblem, inputGradientProblem } from "../src/conv/problem.ts";
import { slabWeightGradient } from "../src/conv/slabGradient.ts";
import { slabsOf } from "../src/conv/slabs.ts";
import { cpu, setConvAlgorithm, setThreads } from "../src/index.ts";
import { leastWork, setLeastWork } from "../src/pool/pool.ts";
import { convAlgorithm, forceWinograd } from "../src/settings.ts";
import { by } from "./samples.ts";

const before = convAlgorithm();
beforeAll(() => setLeastWork(0));
afterAll(() => {
  setLeastWork(leastWork);
  setThreads(1);
  if (before === "winograd") forceWinograd();
  else setConvAlgorithm(before);
});

/** Whole numbers from -3 to 3, whose sums of products are exact in any order. */
function whole(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 20) % 7) - 3;
  });
}

interface Computed {
  readonly problem: ConvProblem;
  readonly input: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
  readonly want: FloatArray;
}

/** Forward and input gradient of a geometry, and what the loops say. */
function both(geometry: ConvGeometry, seed: number): Computed[] {
  const [x, w, g] = [convInputShape, convWeightShape, convOutputShape].map((shape, k) =>
    whole(sizeOf(shape(geometry)), seed + k),
  );
  const bias = whole(geometry.outChannels, seed + 3);
  const { conv, convInputGradient } = cpu.kernels;
  const [xs, ws, gs, bs] = [x, w, g, bias].map((data) => cpu.upload(data));
  const want = by("loops", () => [
    cpu.readSync(conv(geometry, xs, ws, bs)),
    cpu.readSync(convInputGradient(geometry, gs, ws)),
  ]);
  return [
    { problem: forwardProblem(geometry), input: x, weight: w, bias, want: want[0] },
    { problem: inputGradientProblem(geometry), input: g, weight: w, bias: undefined, want: want[1] },
  ];
}

const axis = fc
  .record({
    size: fc.integer({ min: 1, max: 20 }),
    kernel: fc.integer({ min: 1, max: 6 }),
    stride: fc.integer({ min: 1, max: 5 }),
    dilation: fc.integer({ min: 1, max: 4 }),
    before: fc.nat(6),
    after: fc.nat(6),
  })
  .map((a) => ({ ...a, after: a.after + Math.max(0, a.dilation * (a.kernel - 1) + 1 - a.size - a.before - a.after) }));

const geometries = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 2 }),
    inputs: fc.integer({ min: 1, max: 9 }),
    outputs: fc.integer({ min: 1, max: 9 }),
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
  })
  .map(({ batch, groups, inputs, outputs, axes }) =>
    convGeometry(
      "conv",
      [batch, inputs * groups, ...axes.map((a) => a.size)],
      [outputs * groups, inputs, ...axes.map((a) => a.kernel)],
      {
        groups,
        stride: axes.map((a) => a.stride),
        dilation: axes.map((a) => a.dilation),
        padding: axes.map((a) => [a.before, a.after] as const),
      },
    ),
  )
  .filter((geometry) => sizeOf(convOutputShape(geometry)) * sizeOf(convWeightShape(geometry)) < 300_000);

const seeds = fc.integer({ min: 1, max: 1 << 30 });
const limits = fc.constantFrom(1 << 26, 20_000, 2000, 100);

describe("convolutions that are cut", () => {
  it("are what the loops say, whatever the strides and the room, on any number of threads", () => {
    setConvAlgorithm("exact");
    fc.assert(
      fc.property(geometries, limits, seeds, (geometry, limit, seed) => {
        for (const { problem, want, ...operands } of both(geometry, seed)) {
          for (const threads of [1, 2]) {
            setThreads(threads);
            const got = solve("conv", problem, operands, limit);
            expect(got?.length).toBe(want.length);
            expect(got?.findIndex((value, k) => value !== want[k])).toBe(-1);
          }
        }
      }),
      { numRuns: 80 },
    );
  });

  it("have the weight gradient of the loops, slab by slab", () => {
    setConvAlgorithm("exact");
    let cut = 0;
    fc.assert(
      fc.property(geometries, limits, seeds, (geometry, limit, seed) => {
        const [x, g] = [convInputShape, convOutputShape].map((shape, k) => whole(sizeOf(shape(geometry)), seed + k));
        const [xs, gs] = [x, g].map((data) => cpu.upload(data));
        const want = by("loops", () => cpu.readSync(cpu.kernels.convWeightGradient(geometry, xs, gs)));
        const got = slabWeightGradient(geometry, x, g, limit);
        if (got === undefined) return;
        cut++;
        expect(got.length).toBe(want.length);
        expect(got.findIndex((value, k) => value !== want[k])).toBe(-1);
      }),
      { numRuns: 150 },
    );
    expect(cut).toBeGreaterThan(10);
  });

  it.each([
    ["phases", [2, 9, 23, 22], [10, 9, 6, 6], { stride: 2, padding: 2 }],
    ["phases of which some are direct sums", [1, 8, 21, 30], [8, 8, 5, 5], { stride: 2, padding: 2 }],
    ["slabs", [1, 8, 60, 17], [9, 8, 3, 3], { padding: 1 }],
  ] as const)("agree by Winograd's algorithm in %s, to the same bits on any number of threads", (_, x, w, options) => {
    forceWinograd();
    for (const { problem, want, ...operands } of both(convGeometry("conv", [...x], [...w], options), 5)) {
      const [one, two] = [1, 2].map((threads) => {
        setThreads(threads);
        return solve("conv", problem, operands, 20_000);
      });
      expect(one?.length).toBe(want.length);
      expect(one?.findIndex((value, k) => Math.abs(value - want[k]) > 0.01)).toBe(-1);
      expect(two?.findIndex((value, k) => !Object.is(value, one?.[k]))).toBe(-1);
    }
  });
});

it("slabs are whole bands of the outermost axis that is long enough, within about the room there is", () => {
  const geometry = convGeometry("conv", [1, 64, 1000, 1500], [64, 64, 3, 3], { padding: 1 });
  const slabs = slabsOf(forwardProblem(geometry), 64 << 20);
  expect(slabs.map(({ axis, outStart }) => [axis, outStart])).toEqual(
    Array.from({ length: 18 }, (_, k) => [1, 56 * k]),
  );
  for (const { problem, inStart, outStart } of slabs) {
    expect(problem.outSize).toEqual([1, Math.min(56, 1000 - outStart), 1500]);
    expect(inStart).toBe(Math.max(0, outStart - 1));
    expect(problem.inSize).toEqual([1, Math.min(1000, outStart + 57) - inStart, 1500]);
  }
  const flat = convGeometry("conv", [1, 64, 4, 400_000], [64, 64, 3, 3], { padding: 1 });
  expect(slabsOf(forwardProblem(flat), 64 << 20).every(({ axis }) => axis === 2)).toBe(true);
});
