import { convGeometry, convInputShape, convOutputShape, convWeightShape, type Storage, sizeOf } from "@squall/device";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Module } from "../src/assembler/module.ts";
import { addLinearMap, type Coefficients, neighbours } from "../src/emit/linearMap.ts";
import { transposed, winogradTile } from "../src/emit/winograd.ts";
import { cpu, setConvAlgorithm, setKernelPath } from "../src/index.ts";
import { convAlgorithm, forceWinograd, kernelPath } from "../src/settings.ts";
import { numbers, seed, values } from "./samples.ts";

const apply = (matrix: Coefficients, x: readonly number[]): number[] =>
  matrix.map((row) => row.reduce((sum, m, k) => sum + m * x[k], 0));

describe("Winograd's matrices", () => {
  it.each([
    [4, 3],
    [2, 5],
    [4, 5],
    [6, 3],
  ])("filter one axis: F(%i, %i)", (outputs, taps) => {
    const whole = fc.integer({ min: -20, max: 20 });
    fc.assert(
      fc.property(
        fc.array(whole, { minLength: outputs + taps - 1, maxLength: outputs + taps - 1 }),
        fc.array(whole, { minLength: taps, maxLength: taps }),
        (d, g) => {
          const tile = winogradTile(outputs, taps);
          const u = apply(tile.weight, g);
          const v = apply(tile.input, d);
          const y = apply(
            tile.output,
            u.map((x, k) => x * v[k]),
          );
          for (const [k, got] of y.entries()) {
            expect(got).toBeCloseTo(
              g.reduce((sum, x, t) => sum + x * d[k + t], 0),
              8,
            );
          }
        },
      ),
    );
  });
});

describe("a linear map", () => {
  const matrices: [string, Coefficients][] = [
    ...[winogradTile(4, 3), winogradTile(2, 5), winogradTile(6, 3), winogradTile(4, 5)].flatMap(
      ({ outputs, taps, input, weight, output }): [string, Coefficients][] => [
        [`Bt of F(${outputs}, ${taps})`, input],
        [`G of F(${outputs}, ${taps})`, weight],
        [`Gt of F(${outputs}, ${taps})`, transposed(weight)],
        [`At of F(${outputs}, ${taps})`, output],
        [`A of F(${outputs}, ${taps})`, transposed(output)],
      ],
    ),
  ];
  it.each(matrices)("multiplies vectors by %s over any loops", (_, matrix) => {
    const n = matrix[0].length;
    const module = new Module();
    const row = 16 * 5;
    addLinearMap(module, "run", {
      matrix,
      inStride: row,
      outStride: row,
      loops: [{ count: 3, inStep: row * n, outStep: row * matrix.length }, neighbours(5)],
      fused: false,
    });
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { run } = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes(false)), { env: { memory } })
      .exports;
    if (typeof run !== "function") throw new Error("no function");
    const floats = new Float32Array(memory.buffer);
    const input = Float32Array.from({ length: 3 * n * 20 }, (_, k) => ((k * 7) % 23) - 11);
    floats.set(input);
    run(0, 32768);
    for (let outer = 0; outer < 3; outer++) {
      for (let lane = 0; lane < 20; lane++) {
        const x = Array.from({ length: n }, (_, k) => input[(outer * n + k) * 20 + lane]);
        for (const [j, want] of apply(matrix, x).entries()) {
          expect(floats[8192 + (outer * matrix.length + j) * 20 + lane]).toBeCloseTo(want, 3);
        }
      }
    }
  });
});

const [pathBefore, algorithmBefore] = [kernelPath(), convAlgorithm()];
afterEach(() => {
  setKernelPath(pathBefore);
  if (algorithmBefore === "winograd") forceWinograd();
  else setConvAlgorithm(algorithmBefore);
});

describe("convolutions by Winograd's algorithm", () => {
  const problems = fc.record({
    batch: fc.integer({ min: 1, max: 3 }),
    inputs: fc.integer({ min: 8, max: 40 }),
    outputs: fc.integer({ min: 8, max: 40 }),
    kernel: fc.constantFrom(3, 5),
    height: fc.integer({ min: 5, max: 30 }),
    width: fc.integer({ min: 5, max: 30 }),
    padding: fc.nat(2),
    positive: fc.boolean(),
    seed,
  });

  it("have a weight gradient of zeros without a batch, whatever was computed before", () => {
    setKernelPath("auto");
    forceWinograd();
    const gradient = (batch: number): number[] => {
      const geometry = convGeometry("test", [batch, 2, 6, 6], [3, 2, 3, 3]);
      const operand = (shape: readonly number[]): Storage => cpu.upload(numbers("float32", sizeOf(shape), 1));
      const x = operand(convInputShape(geometry));
      return [...values(cpu.kernels.convWeightGradient(geometry, x, operand(convOutputShape(geometry))))];
    };
    for (const batch of [1, 2, 3]) {
      expect(gradient(batch).some((value) => value !== 0)).toBe(true);
      expect([...new Set(gradient(0))]).toEqual([0]);
    }
  });

  // What docs/speed.md states, and that plain sums stay far below it: so the two are not the same code.
  it.each([
    ["auto", 2e-5],
    ["exact", 3e-6],
  ] as const)("taken %s are within %f of the largest result, gradients too", (algorithm, bound) => {
    fc.assert(
      fc.property(problems, ({ batch, inputs, outputs, kernel, height, width, padding, positive, seed: start }) => {
        const geometry = convGeometry("test", [batch, inputs, height, width], [outputs, inputs, kernel, kernel], {
          padding,
        });
        const operand = (shape: readonly number[], step: number): Storage => {
          const data = numbers("float32", sizeOf(shape), start + step);
          return cpu.upload(positive ? data.map((x) => 1 / (1 + Math.exp(-x))) : data);
        };
        const x = operand(convInputShape(geometry), 0);
        const w = operand(convWeightShape(geometry), 1);
        const y = operand(convOutputShape(geometry), 2);
        const { conv, convInputGradient, convWeightGradient } = cpu.kernels;
        for (const compute of [
          () => conv(geometry, x, w, undefined),
          () => convInputGradient(geometry, y, w),
          () => convWeightGradient(geometry, x, y),
        ]) {
          setKernelPath("loops");
          const oracle: Float64Array = Float64Array.from(values(compute()));
          setKernelPath("auto");
          setConvAlgorithm(algorithm);
          const picked = values(compute());
          const largest = oracle.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          const apart = oracle.reduce((most, value, k) => Math.max(most, Math.abs(value - picked[k])), 0);
          expect(apart).toBeLessThanOrEqual(bound * largest);
        }
      }),
      {
        numRuns: 25,
        // A single pixel under 25 taps: the input gradient is further off than any other, were it computed by tiles.
        examples: [
          [
            {
              batch: 1,
              inputs: 8,
              outputs: 25,
              kernel: 5,
              height: 5,
              width: 5,
              padding: 0,
              positive: true,
              seed: 785744617,
            },
          ],
        ],
      },
    );
  });

  // Sums of 82 thousand products, as weight gradients of sequences are. One number after the other they would be five times further off.
  it.each([
    ["auto", 2e-5],
    ["exact", 3e-6],
  ] as const)("taken %s sum weight gradients of long batches within %f", (algorithm, bound) => {
    const geometry = convGeometry("test", [20, 8, 64, 64], [8, 8, 3, 3], { padding: 1 });
    const x = cpu.upload(numbers("float32", sizeOf(convInputShape(geometry)), 1).map((value) => value + 2));
    const y = cpu.upload(numbers("float32", sizeOf(convOutputShape(geometry)), 2));
    const gradient = (): Float64Array => Float64Array.from(values(cpu.kernels.convWeightGradient(geometry, x, y)));
    setKernelPath("loops");
    const oracle = gradient();
    setKernelPath("auto");
    setConvAlgorithm(algorithm);
    const picked = gradient();
    const largest = oracle.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const apart = oracle.reduce((most, value, k) => Math.max(most, Math.abs(value - picked[k])), 0);
    expect(apart / largest).toBeLessThanOrEqual(bound);
    expect(apart).toBeGreaterThan(0);
  });
});
