// Whole ConvLSTM sequences: what must not change their results, and which are done whole. That they are right is tested in nn.
import { type ConvLstmGeometry, convGeometry, type Peephole } from "@squall/device";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { forward, keptLength, type SequenceArrays } from "../src/convlstm/forward.ts";
import { gradient } from "../src/convlstm/gradient.ts";
import { convLstm } from "../src/convlstm/kernels.ts";
import { sizesOf } from "../src/convlstm/plan.ts";
import { workMemory } from "../src/pool/pool.ts";
import { getThreads, setThreads } from "../src/pool/threads.ts";
import { kernelPath, setKernelPath } from "../src/settings.ts";
import { numbers } from "./samples.ts";

interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly size: number;
  readonly kernel: number;
  readonly stateKernel: number;
  readonly peephole: Peephole;
  readonly seed: number;
}

const sizes: fc.Arbitrary<Sizes> = fc.record({
  steps: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 5 }),
  inputs: fc.integer({ min: 0, max: 6 }),
  hidden: fc.integer({ min: 1, max: 12 }),
  size: fc.integer({ min: 1, max: 24 }),
  kernel: fc.constantFrom(1, 3, 5),
  stateKernel: fc.constantFrom(3, 5),
  peephole: fc.constantFrom<Peephole>("none", "channel", "full"),
  seed: fc.nat(1e6),
});

function geometryOf({ steps, batch, inputs, hidden, size, kernel, stateKernel, peephole }: Sizes): ConvLstmGeometry {
  const same = { padding: "same" } as const;
  const shape = [batch, hidden, size, size];
  return {
    steps,
    state: convGeometry("test", shape, [4 * hidden, hidden, stateKernel, stateKernel], same),
    input:
      inputs === 0
        ? undefined
        : convGeometry("test", [steps * batch, inputs, size, size], [4 * hidden, inputs, kernel, kernel], same),
    lstm: { batch, hidden, positions: size * size, peephole },
  };
}

function arraysOf({ steps, batch, inputs, hidden, size, kernel, stateKernel, peephole, seed }: Sizes): SequenceArrays {
  let next = seed;
  const array = (length: number): Float32Array => Float32Array.from(numbers("float32", length, next++));
  const state = batch * hidden * size * size;
  return {
    x: inputs === 0 ? undefined : array(steps * batch * inputs * size * size),
    hidden: array(state),
    cell: array(state),
    inputWeight: inputs === 0 ? undefined : array(4 * hidden * inputs * kernel ** 2),
    stateWeight: array(4 * hidden * hidden * stateKernel ** 2),
    bias: array(4 * hidden),
    peephole: peephole === "none" ? undefined : array(3 * hidden * (peephole === "full" ? size ** 2 : 1)),
  };
}

/** Everything that a sequence and its gradient give, in a row. */
function everything(problem: Sizes, limit?: number, lent = false): (Float32Array | undefined)[] {
  const geometry = geometryOf(problem);
  const arrays = arraysOf(problem);
  const memory = workMemory();
  memory.reset();
  const length = keptLength(sizesOf(geometry));
  const address = lent ? memory.lend(4 * length) : undefined;
  const data =
    address === undefined ? new Float32Array(length) : memory.floats.subarray(address / 4, address / 4 + length);
  const kept = { data, address };
  const out = forward(geometry, problem.peephole, arrays, kept, limit);
  const gradients = {
    sequenceGradient: out.sequence.map((x, k) => x * Math.cos(k)),
    hiddenGradient: out.hidden.map((x, k) => x * Math.sin(k)),
    cellGradient: out.cell.map((x, k) => x * Math.sin(2 * k)),
  };
  const wanted = { x: true, weights: true };
  const back = gradient(
    geometry,
    problem.peephole,
    { ...arrays, sequence: out.sequence, kept, ...gradients },
    wanted,
    limit,
  );
  const { x, hidden, cell, inputWeight, stateWeight, bias, peephole } = back;
  const results = [x, hidden, cell, inputWeight, stateWeight, bias, peephole];
  if (address !== undefined) memory.giveBack(address);
  return [out.sequence, out.hidden, out.cell, ...results];
}

/** Whether two results have the same bits, but for the signs of NaN and zero. */
function same(ours: Float32Array | undefined, theirs: Float32Array | undefined): boolean {
  if (ours === undefined || theirs === undefined) return ours === theirs;
  return ours.length === theirs.length && ours.every((value, k) => value === theirs[k]);
}

const [threads, path] = [getThreads(), kernelPath()];
afterEach(() => {
  setThreads(threads);
  setKernelPath(path);
});

describe("a whole ConvLSTM sequence", () => {
  it("has the same bits for any number of threads", () => {
    const problem: Sizes = {
      steps: 4,
      batch: 3,
      inputs: 5,
      hidden: 20,
      size: 20,
      kernel: 3,
      stateKernel: 3,
      peephole: "channel",
      seed: 1,
    };
    for (const stateKernel of [3, 5]) {
      setThreads(1);
      const alone = everything({ ...problem, stateKernel });
      for (const count of [2, 3]) {
        setThreads(count);
        // Workers come up meanwhile, so not all of these have the same ones.
        for (let time = 0; time < 4; time++) {
          const together = everything({ ...problem, stateKernel });
          expect(alone.map((result, k) => same(result, together[k]))).toEqual(alone.map(() => true));
        }
      }
    }
  });

  it("has the same states and input gradients whether samples go through at once or one by one", () => {
    fc.assert(
      fc.property(sizes, (problem) => {
        const [atOnce, oneByOne] = [everything(problem), everything(problem, 1)];
        // Sums over samples are cut elsewhere; everything before them is the same.
        for (let k = 0; k < 6; k++) expect(same(oneByOne[k], atOnce[k])).toBe(true);
        for (const [k, gradient] of atOnce.slice(6).entries()) {
          const other = oneByOne[6 + k];
          const largest = gradient?.reduce((most, value) => Math.max(most, Math.abs(value)), 0) ?? 0;
          const apart =
            gradient?.reduce((most, value, j) => Math.max(most, Math.abs(value - (other?.[j] ?? 0))), 0) ?? 0;
          expect(other?.length).toBe(gradient?.length);
          expect(apart).toBeLessThanOrEqual(1e-4 * largest);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("has the same bits wherever lies what is kept for the gradient", () => {
    fc.assert(
      fc.property(sizes, (problem) => {
        const [own, lent] = [everything(problem), everything(problem, undefined, true)];
        expect(own.map((result, k) => same(result, lent[k]))).toEqual(own.map(() => true));
      }),
      { numRuns: 20 },
    );
  });

  it("is taken in float32 only, not by the loops, and not beyond the memory that there is", () => {
    const small = geometryOf({
      steps: 2,
      batch: 2,
      inputs: 1,
      hidden: 3,
      size: 8,
      kernel: 3,
      stateKernel: 3,
      peephole: "none",
      seed: 0,
    });
    setKernelPath("auto");
    // Gates of 4 channels (3 filled up), 64 pixels, 2 steps and samples; cell states of 3 times.
    const cells = sizesOf(small).states.bytes / 4;
    expect(cells).toBeGreaterThanOrEqual(4 * 64);
    expect(convLstm.keptLength(small, "float32")).toBe(2 * 2 * 4 * 4 * 64 + 3 * 2 * cells);
    expect(convLstm.keptLength(small, "float64")).toBeUndefined();
    expect(convLstm.keptLength({ ...small, steps: 1_000_000 }, "float32")).toBeUndefined();
    setKernelPath("loops");
    expect(convLstm.keptLength(small, "float32")).toBeUndefined();
  });
});
