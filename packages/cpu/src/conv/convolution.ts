import type { ConvGeometry } from "@squall/device";
import { fillParts } from "../emit/fillFrame.ts";
import type { HostTask, Task } from "../pool/job.ts";
import { runJob, workMemory } from "../pool/pool.ts";
import { programOf } from "../pool/program.ts";
import type { BandPlan } from "./bandPlan.ts";
import { emitConv, isCovered, planParts } from "./convProgram.ts";
import { type ConvProblem, forwardProblem, inputGradientProblem, tapsOf } from "./problem.ts";
import { copyRun, imageFloats, type Slab, slabsOf } from "./slabs.ts";
import { placeWeights } from "./weights.ts";

/** Most bytes of staged images at a time; larger images are cut. */
export const stagedLimit: number = 64 << 20;
/** Most bytes of one slab, which cutting one axis may not get below: memory has no room for more. */
const slabLimit = 2 ** 30;

/** Operands of a convolution. */
interface Operands {
  readonly input: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
}

/** Output channels of each lane of the panels of one group. */
function plainLanes({ shape }: BandPlan, outputs: number): Int32Array {
  return Int32Array.from({ length: shape.allPanels * shape.vectors * 4 }, (_, lane) => (lane < outputs ? lane : -1));
}

/** Computes a slab of all images into its place in `out`. */
function solveSlab(
  op: string,
  whole: ConvProblem,
  slab: Slab,
  operands: Operands,
  out: Float32Array,
  limit: number,
): void {
  const { problem, axis } = slab;
  const { batch, groups, inChannels, outChannels } = problem;
  const outputs = outChannels / groups;
  const floats = imageFloats(problem);
  const wholeFloats = imageFloats(whole);
  const kinds = planParts(problem);
  const memory = workMemory();
  memory.reset();
  const frameBytes = kinds.length === 0 ? 0 : kinds[0].plan.shape.frame.bytes;
  const placed = kinds.map(({ plan, parts }) =>
    parts.map(({ weights }) => {
      const source = { data: operands.weight, places: weights, lanes: plainLanes(plan, outputs), groups };
      return placeWeights(memory, plan.shape, source);
    }),
  );
  const biases = memory.allocate(4 * outChannels + 16);
  if (operands.bias === undefined) memory.floats.fill(0, biases / 4, biases / 4 + outChannels);
  else memory.floats.set(operands.bias, biases / 4);
  const images = Math.max(1, Math.min(batch, Math.floor(limit / (4 * floats.in + frameBytes + 4 * floats.out))));
  const [source, frames] = [memory.allocate(4 * images * floats.in + 64), memory.allocate(images * frameBytes)];
  const results = memory.allocate(4 * images * floats.out);
  const shapes = kinds.map(({ plan: { first: _, ...plan }, outSize, parts }) => [plan, outSize, parts.length]);
  const { inSize, outSize, step } = problem;
  const key = `conv ${JSON.stringify([inSize, outSize, step, inChannels, outChannels, groups, shapes])}`;
  const program = programOf(key, memory.shared, () => emitConv(problem, kinds));
  const find = (name: string): number => program.names.indexOf(name);
  const clears = isCovered(problem) ? 0 : 1;
  const fills = (kinds.length === 0 ? 0 : fillParts) + clears;
  const parameters = [source, frames, biases, results];
  for (const [k, { plan, parts }] of kinds.entries()) {
    const { frame } = plan.shape;
    for (const [p, { axes, start }] of parts.entries()) {
      const at = frame.before.map((before, a) => before - axes[a].padBefore);
      const tap = at[0] * frame.plane + at[1] * frame.row + at[2] * frame.pixel;
      parameters.push(placed[k][p], tap, 4 * ((start[0] * outSize[1] + start[1]) * outSize[2] + start[2]));
    }
  }
  const bands = kinds.map(({ plan, outSize: [planes], parts }) => parts.length * planes * plan.bands);
  const perImage = bands.reduce((sum, count) => sum + count, 0);
  const perOutput = problem.parts.reduce((sum, { axes }) => sum + tapsOf(axes), 0) / Math.max(1, problem.parts.length);
  for (let first = 0; first < batch; first += images) {
    const count = Math.min(images, batch - first);
    const tasks: Task[] = [];
    const before: HostTask[] = [];
    const after: HostTask[] = [];
    // Counters: copied in, filled and done, one of each per image.
    for (let n = 0; n < count; n++) {
      const [copied, filled, done] = [3 * n, 3 * n + 1, 3 * n + 2];
      before.push({
        waitFor: -1,
        value: 0,
        signal: copied,
        run: () => {
          const start = (first + n) * wholeFloats.in;
          const from = { data: operands.input, start, size: whole.inSize, from: slab.inStart };
          const to = { data: memory.floats, start: source / 4 + n * floats.in, size: inSize, from: 0 };
          copyRun(from, to, inChannels, axis, inSize[axis]);
        },
      });
      const filling = { waitFor: copied, value: 1, signal: filled };
      for (let part = 0; part < fills - clears; part++) {
        tasks.push({ run: find("fill"), index: n * fillParts + part, ...filling });
      }
      if (clears > 0) tasks.push({ run: find("clear"), index: n, ...filling });
      for (const [k, total] of bands.entries()) {
        const run = find(`band${k}`);
        for (let part = 0; part < total; part++) {
          tasks.push({ run, index: n * total + part, waitFor: filled, value: fills, signal: done });
        }
      }
      after.push({
        waitFor: perImage === 0 ? filled : done,
        value: perImage === 0 ? fills : perImage,
        signal: -1,
        run: () => {
          const from = { data: memory.floats, start: results / 4 + n * floats.out, size: outSize, from: 0 };
          const to = { data: out, start: (first + n) * wholeFloats.out, size: whole.outSize, from: slab.outStart };
          copyRun(from, to, outChannels, axis, outSize[axis]);
        },
      });
    }
    runJob({
      op,
      program,
      parameters,
      counters: 3 * count,
      tasks,
      before,
      after,
      threadBytes: Math.max(0, ...kinds.map(({ plan }) => plan.scratch)),
      work: count * floats.out * (inChannels / groups) * perOutput,
    });
  }
}

/**
 * Convolves in emitted code. @param limit - most bytes of staged images at a time
 * @returns `undefined` where not even slabs fit the memory
 */
export function solve(
  op: string,
  problem: ConvProblem,
  operands: Operands,
  limit: number = stagedLimit,
): Float32Array | undefined {
  const slabs = slabsOf(problem, limit);
  for (const slab of slabs) {
    const floats = imageFloats(slab.problem);
    if (4 * (2 * floats.in + floats.out) > slabLimit) return undefined;
  }
  const out = new Float32Array(problem.batch * imageFloats(problem).out);
  for (const slab of slabs) solveSlab(op, problem, slab, operands, out, limit);
  return out;
}

/**
 * Convolution in emitted code: `[N, O, …]` from input, weight and bias, or `undefined` where the loops have to do it.
 */
export function fastConv(
  geometry: ConvGeometry,
  input: Float32Array,
  weight: Float32Array,
  bias: Float32Array | undefined,
): Float32Array | undefined {
  return solve("conv", forwardProblem(geometry), { input, weight, bias });
}

/** The same for the input gradient. */
export function fastConvInputGradient(
  geometry: ConvGeometry,
  outputGradient: Float32Array,
  weight: Float32Array,
): Float32Array | undefined {
  const operands = { input: outputGradient, weight, bias: undefined };
  return solve("convInputGradient", inputGradientProblem(geometry), operands);
}
