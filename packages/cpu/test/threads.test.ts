// Kernels that run on several threads, against themselves on one: to the last bit.
import { convGeometry, convInputShape, convOutputShape, convWeightShape, type Storage, sizeOf } from "@squall/device";
import fc from "fast-check";
import { expect, it } from "vitest";
import { cpu, setKernelPath, setThreads } from "../src/index.ts";
import { words } from "../src/pool/control.ts";
import { setLeastWork, workMemory } from "../src/pool/pool.ts";
import { numbers, seed, values } from "./samples.ts";

const { conv, convInputGradient, convWeightGradient } = cpu.kernels;

const axis = fc.record({
  size: fc.integer({ min: 3, max: 20 }),
  kernel: fc.constantFrom(1, 3, 5),
  stride: fc.constantFrom(1, 1, 2),
});

const problems = fc
  .record({
    batch: fc.integer({ min: 1, max: 4 }),
    groups: fc.constantFrom(1, 1, 2),
    inputs: fc.integer({ min: 1, max: 20 }),
    outputs: fc.integer({ min: 1, max: 20 }),
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
    seed,
  })
  .map(({ batch, groups, inputs, outputs, axes, seed: start }) => {
    const geometry = convGeometry(
      "conv",
      [batch, inputs * groups, ...axes.map((a) => a.size)],
      [outputs * groups, inputs, ...axes.map((a) => a.kernel)],
      { groups, stride: axes.map((a) => a.stride), padding: axes.map((a) => (a.kernel - 1) / 2) },
    );
    const [input, weight, output] = [convInputShape, convWeightShape, convOutputShape].map((shape, k) =>
      cpu.upload(numbers("float32", sizeOf(shape(geometry)), start + k)),
    );
    return { geometry, input, weight, output };
  })
  .filter(({ input, output }) => input.length < 100_000 && output.length < 100_000);

it("convolutions and their gradients have the same bits for any number of threads", () => {
  setKernelPath("auto");
  // However small they are.
  setLeastWork(0);
  const cases = fc.sample(problems, { numRuns: 60, seed: 1 });
  const all = (threads: number): Uint8Array[] => {
    setThreads(threads);
    const bits = (storage: Storage): Uint8Array => new Uint8Array(values(storage).slice().buffer);
    return cases.flatMap(({ geometry, input, weight, output }) => [
      bits(conv(geometry, input, weight, undefined)),
      bits(convInputGradient(geometry, output, weight)),
      bits(convWeightGradient(geometry, input, output)),
    ]);
  };
  const expected = all(1);
  for (const threads of [2, 3]) {
    const start = workMemory().numbers[words.progress];
    for (let i = 0; i < 100 && workMemory().numbers[words.progress] < start + 100; i++) {
      for (const [k, found] of all(threads).entries()) {
        if (!Buffer.from(found).equals(expected[k])) expect.fail(`result ${k} differs with ${threads} threads`);
      }
    }
    // Workers took part.
    expect(workMemory().numbers[words.progress]).toBeGreaterThanOrEqual(start + 100);
  }
});
