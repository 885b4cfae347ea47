import type { ConvLstmGeometry, Peephole } from "@squall/device";
import { placeWeights } from "../conv/weights.ts";
import { fillParts } from "../emit/fillFrame.ts";
import type { HostTask, Task } from "../pool/job.ts";
import type { Memory } from "../pool/memory.ts";
import { runJob, workMemory } from "../pool/pool.ts";
import { programOf } from "../pool/program.ts";
import { emitForward, type ForwardWord, forwardWords } from "./forwardProgram.ts";
import { filledPeephole, forwardSource, laneBias, stateWeights } from "./operands.ts";
import { type ForwardPlan, planForward, type SequenceSizes, sizesOf } from "./plan.ts";

/** Operands of a sequence as arrays; see `ConvLstmInputs`. */
export interface SequenceArrays {
  readonly x: Float32Array | undefined;
  readonly hidden: Float32Array;
  readonly cell: Float32Array;
  readonly inputWeight: Float32Array | undefined;
  readonly stateWeight: Float32Array;
  readonly bias: Float32Array | undefined;
  readonly peephole: Float32Array | undefined;
}

/** Results of a sequence as arrays; see `ConvLstmOutputs`. */
export interface SequenceResults {
  readonly sequence: Float32Array;
  readonly hidden: Float32Array;
  readonly cell: Float32Array;
}

/** Most bytes that samples may take in memory at a time; one may take more. */
export const samplesLimit: number = 192 << 20;

/** What is kept of a sequence for its gradient: gates `[T, N, pixel, 4, filled]`, then cell states `[T + 1, N, …]` as frames. */
export interface Kept {
  /** {@link keptLength} floats. */
  readonly data: Float32Array;
  /** Their address, if they lie in the memory that emitted code works in. */
  readonly address: number | undefined;
}

/** Floats of gates and of states per step and sample, as they are kept. */
export function keptFloats({ positions, filled, states }: SequenceSizes): {
  readonly gates: number;
  readonly cells: number;
} {
  return { gates: 4 * positions * filled, cells: states.bytes / 4 };
}

/** Writes numbers to memory that is allocated for them. @returns their address */
export function place(memory: Memory, data: Float32Array): number {
  const address = memory.allocate(4 * data.length + 64);
  memory.floats.set(data, address / 4);
  return address;
}

/** Bytes per sample of each part of the forward program's memory. */
function sampleBytes(
  sizes: SequenceSizes,
  plan: ForwardPlan,
  kept: { readonly address: number | undefined } | undefined,
): Partial<Record<ForwardWord, number>> {
  const inPlace = kept?.address !== undefined;
  const { steps, inputs, inputPositions, hidden, positions, states } = sizes;
  return {
    images: 4 * steps * inputs * inputPositions,
    frames: (steps + 1) * plan.state.shape.frame.bytes,
    inputFrames: plan.input === undefined ? 0 : steps * plan.input.shape.frame.bytes,
    hidden: 4 * hidden * positions,
    cell: 4 * hidden * positions,
    cells: inPlace ? 0 : (steps + 1) * states.bytes,
    gates: inPlace || kept === undefined ? 0 : 4 * steps * keptFloats(sizes).gates,
    sequence: 4 * steps * hidden * positions,
    lastCell: 4 * hidden * positions,
  };
}

function total(bytes: Partial<Record<string, number>>): number {
  return Object.values(bytes).reduce<number>((sum, part) => sum + (part ?? 0), 0);
}

/** Samples that go through at a time: rounds of nearly equal size. */
export function samplesAtATime(batch: number, bytes: number, limit: number): number {
  const rounds = Math.ceil(batch / Math.max(1, Math.min(batch, Math.floor(limit / bytes))));
  return Math.ceil(batch / rounds);
}

/** Bytes that one sample takes on the way forward. */
export function forwardBytes(sizes: SequenceSizes): number {
  return total(sampleBytes(sizes, planForward(sizes, sizes.batch), { address: undefined }));
}

/** Whether all samples go through at once, so that what is kept can be written where it stays. */
export function keepsInPlace(sizes: SequenceSizes, limit: number = samplesLimit): boolean {
  const bytes = total(sampleBytes(sizes, planForward(sizes, sizes.batch), { address: 0 }));
  return samplesAtATime(sizes.batch, bytes, limit) === sizes.batch;
}

/** Floats of all that is kept of a sequence. */
export function keptLength(sizes: SequenceSizes): number {
  const { gates, cells } = keptFloats(sizes);
  return sizes.batch * (sizes.steps * gates + (sizes.steps + 1) * cells);
}

/**
 * Runs a sequence through emitted code.
 * @param kept - gets what the gradient needs, if there is to be one. It may have an address only if {@link keepsInPlace} says so
 */
export function forward(
  geometry: ConvLstmGeometry,
  peephole: Peephole,
  arrays: SequenceArrays,
  kept: Kept | undefined,
  limit: number = samplesLimit,
): SequenceResults {
  const sizes = sizesOf(geometry);
  const { steps, batch, inputs, inputPositions, hidden, positions, states } = sizes;
  const plan = planForward(sizes, batch);
  const { state, input } = plan;
  const bytes = sampleBytes(sizes, plan, kept);
  const chunk = samplesAtATime(batch, total(bytes), limit);
  const keep = kept !== undefined;
  const each = keptFloats(sizes);
  const stateFloats = hidden * positions;
  const out: SequenceResults = {
    sequence: new Float32Array(steps * batch * stateFloats),
    hidden: new Float32Array(batch * stateFloats),
    cell: new Float32Array(batch * stateFloats),
  };
  const memory = workMemory();
  memory.reset();
  const weights = stateWeights(sizes, arrays.stateWeight, arrays.inputWeight);
  const addresses = new Map<ForwardWord, number>();
  addresses.set("stateWeights", placeWeights(memory, state.shape, forwardSource(sizes, state.shape, weights)));
  if (input !== undefined && arrays.inputWeight !== undefined) {
    const source = forwardSource(sizes, input.shape, arrays.inputWeight);
    addresses.set("inputWeights", placeWeights(memory, input.shape, source));
  }
  addresses.set("bias", place(memory, laneBias(sizes, state.shape, arrays.bias)));
  addresses.set("peephole", place(memory, filledPeephole(sizes, peephole, arrays.peephole)));
  addresses.set("zeros", place(memory, new Float32Array(hidden + 4)));
  for (const [name, size] of Object.entries(bytes)) {
    const known = forwardWords.find((each) => each === name);
    if (known !== undefined && size > 0) addresses.set(known, memory.allocate(chunk * size + 64));
  }
  if (kept?.address !== undefined) {
    addresses.set("gates", kept.address);
    addresses.set("cells", kept.address + 4 * steps * batch * each.gates);
  }
  const at = (name: ForwardWord): number => addresses.get(name) ?? 0;
  const key = `ConvLSTM ${JSON.stringify([sizes, plan, peephole, keep])}`;
  const program = programOf(key, memory.shared, () => emitForward({ sizes, plan, peephole, keep }));
  const find = (name: string): number => program.names.indexOf(name);
  const pieces = sizes.size[0] * state.bands;
  for (let from = 0; from < batch; from += chunk) {
    const n = Math.min(chunk, batch - from);
    /** Copies samples of a row `[batch, floats]` in, or of a result out. */
    const copyIn = (source: Float32Array, row: number, floats: number, address: number): void => {
      const start = (row * batch + from) * floats;
      memory.floats.set(source.subarray(start, start + n * floats), address / 4);
    };
    const copyOut = (address: number, floats: number, target: Float32Array, start: number): void => {
      target.set(memory.floats.subarray(address / 4, address / 4 + floats), start);
    };
    // Counters: copied in; per sample filled, stepped, last cell written.
    const [copied, filled, stepped, closed] = [0, 1, 1 + n, 1 + 2 * n];
    const before: HostTask[] = [];
    const host = (run: () => void): void => {
      before.push({ waitFor: -1, value: 0, signal: copied, run });
    };
    host(() => {
      copyIn(arrays.hidden, 0, stateFloats, at("hidden"));
      copyIn(arrays.cell, 0, stateFloats, at("cell"));
    });
    const { x } = arrays;
    const imageFloats = inputs * inputPositions;
    for (let t = 0; t < steps; t++) {
      if (x !== undefined) host(() => copyIn(x, t, imageFloats, at("images") + 4 * t * n * imageFloats));
    }
    const tasks: Task[] = [];
    const fill = (name: string, frame: number, i: number, waitFor: number, value: number): void => {
      for (let part = 0; part < fillParts; part++) {
        tasks.push({ run: find(name), index: frame * fillParts + part, waitFor, value, signal: filled + i });
      }
    };
    for (let i = 0; i < n; i++) {
      for (let t = 0; t < steps; t++) {
        const value = x === undefined ? 1 : t + 2;
        fill("fill", t * n + i, i, copied, value);
        if (input !== undefined) fill("fillInput", t * n + i, i, copied, value);
      }
      fill("fillCell", i, i, copied, 1);
    }
    const fills = fillParts * (steps * (input === undefined ? 1 : 2) + 1);
    for (let i = 0; i < n; i++) fill("fillHidden", i, i, filled + i, fills);
    for (let t = 0; t < steps; t++) {
      for (let i = 0; i < n; i++) {
        const [waitFor, value] = t === 0 ? [filled + i, fills + fillParts] : [stepped + i, t * pieces];
        for (let piece = 0; piece < pieces; piece++) {
          tasks.push({ run: find("step"), index: (t * n + i) * pieces + piece, waitFor, value, signal: stepped + i });
        }
      }
    }
    for (let i = 0; i < n; i++) {
      const last = { waitFor: stepped + i, value: steps * pieces, signal: closed + i };
      tasks.push({ run: find("lastCell"), index: i, ...last });
    }
    const after: HostTask[] = [];
    for (let t = 0; t < steps; t++) {
      for (let i = 0; i < n; i++) {
        const [f, row] = [t * n + i, t * batch + from + i];
        const run = (): void => {
          copyOut(at("sequence") + 4 * f * stateFloats, stateFloats, out.sequence, row * stateFloats);
          if (kept === undefined || kept.address !== undefined) return;
          copyOut(at("gates") + 4 * f * each.gates, each.gates, kept.data, row * each.gates);
          const cells = steps * batch * each.gates;
          if (t === 0) copyOut(at("cells") + f * states.bytes, each.cells, kept.data, cells + row * each.cells);
          const start = cells + (row + batch) * each.cells;
          copyOut(at("cells") + (f + n) * states.bytes, each.cells, kept.data, start);
        };
        after.push({ waitFor: stepped + i, value: (t + 1) * pieces, signal: -1, run });
      }
    }
    for (let i = 0; i < n; i++) {
      const run = (): void => {
        copyOut(at("lastCell") + 4 * i * stateFloats, stateFloats, out.cell, (from + i) * stateFloats);
      };
      after.push({ waitFor: closed + i, value: 1, signal: -1, run });
    }
    runJob({
      op: "ConvLSTM",
      program,
      parameters: forwardWords.map((name) => (name === "samples" ? n : at(name))),
      counters: 1 + 3 * n,
      tasks,
      before,
      after,
      threadBytes: state.scratch + (input?.scratch ?? 0),
      work: n * steps * stateFloats * 4 * state.shape.channels * 9,
    });
  }
  out.hidden.set(out.sequence.subarray((steps - 1) * batch * stateFloats));
  return out;
}
