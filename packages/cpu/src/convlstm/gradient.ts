import type { ConvLstmGeometry, Peephole } from "@squall/device";
import { planGradient } from "../conv/weightGradient.ts";
import { placeWeights } from "../conv/weights.ts";
import { fillParts } from "../emit/fillFrame.ts";
import type { GradientShape } from "../emit/gradientLayout.ts";
import { gradientSums } from "../emit/lstmRows.ts";
import type { HostTask, Task } from "../pool/job.ts";
import { runJob, workMemory } from "../pool/pool.ts";
import { programOf } from "../pool/program.ts";
import { type BackwardWord, backwardScratch, backwardWords, emitBackward } from "./backwardProgram.ts";
import { type Kept, keptFloats, place, type SequenceArrays, samplesAtATime, samplesLimit } from "./forward.ts";
import { insideFrame } from "./forwardProgram.ts";
import { backwardSource, filledPeephole, stateWeights } from "./operands.ts";
import { type BackwardPlan, planBackward, type SequenceSizes, sizesOf } from "./plan.ts";
import { WeightSum } from "./weightSum.ts";

/** Operands of the gradient as arrays; see `ConvLstmGradientInputs`. */
export interface GradientArrays extends SequenceArrays {
  readonly sequence: Float32Array;
  readonly kept: Kept;
  readonly sequenceGradient: Float32Array;
  readonly hiddenGradient: Float32Array;
  readonly cellGradient: Float32Array;
}

/** Gradients as arrays; see `ConvLstmGradientOutputs`. */
export interface GradientResults {
  readonly x: Float32Array | undefined;
  readonly hidden: Float32Array;
  readonly cell: Float32Array;
  readonly inputWeight: Float32Array | undefined;
  readonly stateWeight: Float32Array | undefined;
  readonly bias: Float32Array;
  readonly peephole: Float32Array | undefined;
}

/** Which gradients are wanted. */
export interface Wanted {
  readonly x: boolean;
  readonly weights: boolean;
}

/** Bytes per sample of each part of the backward program's memory. */
function sampleBytes(
  sizes: SequenceSizes,
  plan: BackwardPlan,
  wantsX: boolean,
  inPlace: boolean,
): Partial<Record<BackwardWord, number>> {
  const { steps, inputs, inputPositions, hidden, positions, states, size, filled } = sizes;
  const image = 4 * hidden * positions;
  return {
    frames: steps * plan.frame.bytes,
    sequenceGradient: steps * image,
    hiddenGradient: image,
    hiddenPixels: states.bytes,
    cellGradientImages: image,
    cellGradient: states.bytes,
    cells: inPlace ? 0 : (steps + 1) * states.bytes,
    gates: inPlace ? 0 : 4 * steps * keptFloats(sizes).gates,
    sums: 4 * size[0] * plan.state.bands * gradientSums * filled,
    positionSums: 4 * 3 * filled * positions,
    x: wantsX ? 4 * steps * inputs * inputPositions : 0,
    firstHidden: image,
    firstCell: image,
  };
}

/** Bytes per sample besides those: images and frames for the weight gradients. */
function weightBytes(sizes: SequenceSizes, shapes: readonly GradientShape[]): number {
  const { steps, inputs, inputPositions, hidden, positions } = sizes;
  const images = 4 * steps * (inputs * inputPositions + hidden * positions);
  return images + shapes.reduce((sum, shape) => sum + steps * shape.input.bytes, 0);
}

/** Layouts of the weight gradients: of the state, with the input if they are merged; then of a separate input convolution. */
function weightShapes(sizes: SequenceSizes, plan: BackwardPlan, images: number): GradientShape[] {
  const { inputs, hidden, filled, merged, stateAxes, inputAxes } = sizes;
  const common = { outChannels: 4 * filled, groups: 1, images, output: plan.frame };
  const shapes = [planGradient({ ...common, inChannels: (merged ? inputs : 0) + hidden, axes: stateAxes })];
  if (inputAxes !== undefined && !merged) {
    shapes.push(planGradient({ ...common, inChannels: inputs, axes: inputAxes }));
  }
  return shapes;
}

/** Bytes that one sample takes on the way back, everything wanted. */
export function gradientBytes(sizes: SequenceSizes): number {
  const plan = planBackward(sizes, sizes.batch, true);
  const parts = Object.values(sampleBytes(sizes, plan, true, false)).reduce<number>(
    (sum, part) => sum + (part ?? 0),
    0,
  );
  return parts + weightBytes(sizes, weightShapes(sizes, plan, sizes.steps));
}

/** Backpropagation through time in emitted code. */
export function gradient(
  geometry: ConvLstmGeometry,
  peephole: Peephole,
  arrays: GradientArrays,
  wanted: Wanted,
  limit: number = samplesLimit,
): GradientResults {
  const sizes = sizesOf(geometry);
  const { steps, batch, inputs, inputPositions, hidden, filled, positions, merged, states, size } = sizes;
  const wantsX = wanted.x && inputs > 0;
  const plan = planBackward(sizes, batch, wantsX);
  const { state, input } = plan;
  const shapes = wanted.weights ? weightShapes(sizes, plan, steps * batch) : [];
  const cut = (inPlace: boolean): { bytes: ReturnType<typeof sampleBytes>; chunk: number } => {
    const bytes = sampleBytes(sizes, plan, wantsX, inPlace);
    const all = Object.values(bytes).reduce<number>((sum, part) => sum + (part ?? 0), weightBytes(sizes, shapes));
    return { bytes, chunk: samplesAtATime(batch, all, limit) };
  };
  // What was kept is read where it lies if all samples go through at once.
  const atOnce = cut(true);
  const inPlace = arrays.kept.address !== undefined && atOnce.chunk === batch;
  const { bytes, chunk } = inPlace ? atOnce : cut(false);
  const kept = keptFloats(sizes);
  const [stateFloats, imageFloats] = [hidden * positions, inputs * inputPositions];
  const memory = workMemory();
  memory.reset();
  const addresses = new Map<BackwardWord, number>();
  const before = merged ? inputs : 0;
  const weights = stateWeights(sizes, arrays.stateWeight, arrays.inputWeight);
  const toState = (lane: number): number =>
    lane < filled ? (lane < hidden ? before + lane : -1) : lane - filled < before && wantsX ? lane - filled : -1;
  const stateSource = backwardSource(sizes, state.shape, weights, before + hidden, toState);
  addresses.set("stateWeights", placeWeights(memory, state.shape, stateSource));
  if (input !== undefined && arrays.inputWeight !== undefined) {
    const source = backwardSource(sizes, input.shape, arrays.inputWeight, inputs, (lane) =>
      lane < inputs ? lane : -1,
    );
    addresses.set("inputWeights", placeWeights(memory, input.shape, source));
  }
  addresses.set("peephole", place(memory, filledPeephole(sizes, peephole, arrays.peephole)));
  addresses.set("zeros", place(memory, new Float32Array(Math.max(hidden, inputs) + 4)));
  const sums = shapes.map((shape, k) => new WeightSum(memory, sizes, shape, k === 0 ? before : inputs, k === 0));
  for (const name of backwardWords) {
    const each = bytes[name];
    if (each !== undefined && each > 0) addresses.set(name, memory.allocate(chunk * each + 64));
  }
  if (inPlace) {
    addresses.set("gates", arrays.kept.address ?? 0);
    addresses.set("cells", (arrays.kept.address ?? 0) + 4 * steps * batch * kept.gates);
  }
  const images = {
    x: memory.allocate(sums.length === 0 ? 0 : 4 * chunk * steps * imageFloats + 64),
    hidden: memory.allocate(sums.length === 0 ? 0 : 4 * chunk * steps * stateFloats + 64),
  };
  const at = (name: BackwardWord): number => addresses.get(name) ?? 0;
  const results = {
    x: wantsX ? new Float32Array(steps * batch * imageFloats) : undefined,
    hidden: new Float32Array(batch * stateFloats),
    cell: new Float32Array(batch * stateFloats),
    bias: new Float64Array(4 * hidden),
    peephole: new Float64Array(peephole === "none" ? 0 : 3 * hidden * (peephole === "full" ? positions : 1)),
  };
  const key = `ConvLSTM gradient ${JSON.stringify([sizes, plan, peephole, wantsX])}`;
  const program = programOf(key, memory.shared, () => emitBackward({ sizes, plan, peephole, wantsX }));
  const find = (name: string): number => program.names.indexOf(name);
  const pieces = size[0] * state.bands;
  for (let from = 0; from < batch; from += chunk) {
    const n = Math.min(chunk, batch - from);
    const copyIn = (source: Float32Array, row: number, floats: number, address: number): void => {
      const start = (row * batch + from) * floats;
      memory.floats.set(source.subarray(start, start + n * floats), address / 4);
    };
    const copyOut = (address: number, floats: number, target: Float32Array, start: number): void => {
      target.set(memory.floats.subarray(address / 4, address / 4 + floats), start);
    };
    // Counters: copied in; per sample ready, stepped, closed.
    const [copied, ready, stepped, closed] = [0, 1, 1 + n, 1 + 2 * n];
    const copyStates = (): void => {
      copyIn(arrays.hiddenGradient, 0, stateFloats, at("hiddenGradient"));
      copyIn(arrays.cellGradient, 0, stateFloats, at("cellGradientImages"));
      for (const name of ["sums", "positionSums"] as const) {
        memory.floats.fill(0, at(name) / 4, (at(name) + n * (bytes[name] ?? 0)) / 4);
      }
    };
    const cells = arrays.kept.data.subarray(steps * batch * kept.gates);
    const copyCells = (t: number): void => copyIn(cells, t, kept.cells, at("cells") + t * n * states.bytes);
    const copyStep = (t: number): void => {
      copyIn(arrays.sequenceGradient, t, stateFloats, at("sequenceGradient") + 4 * t * n * stateFloats);
      if (inPlace) return;
      if (t === steps - 1) copyCells(steps);
      copyCells(t);
      copyIn(arrays.kept.data, t, kept.gates, at("gates") + 4 * t * n * kept.gates);
    };
    // The last step first, as the steps want it: step s needs s + 2 of these.
    const hosts = [copyStates];
    for (let t = steps - 1; t >= 0; t--) hosts.push(() => copyStep(t));
    const tasks: Task[] = [];
    const fill = (name: string, frame: number, i: number): void => {
      for (let part = 0; part < fillParts; part++) {
        tasks.push({ run: find(name), index: frame * fillParts + part, waitFor: copied, value: 1, signal: ready + i });
      }
    };
    for (let i = 0; i < n; i++) {
      for (let t = 0; t < steps; t++) fill("clear", t * n + i, i);
      for (const name of ["fillHidden", "fillCellGradient"]) fill(name, i, i);
    }
    const fills = fillParts * (steps + 2);
    for (let s = 0; s <= steps; s++) {
      for (let i = 0; i < n; i++) {
        const [waitFor, value] = s === 0 ? [ready + i, fills] : [stepped + i, s * pieces];
        const inputs = { waitFor, value, alsoFor: copied, alsoValue: Math.min(s + 2, steps + 1) };
        for (let piece = 0; piece < pieces; piece++) {
          tasks.push({ run: find("step"), index: (s * n + i) * pieces + piece, ...inputs, signal: stepped + i });
        }
      }
    }
    const inputPieces = input === undefined ? 0 : sizes.inputSize[0] * input.bands;
    for (let i = 0; i < n; i++) {
      const done = { waitFor: stepped + i, value: (steps + 1) * pieces, signal: closed + i };
      tasks.push({ run: find("firstCell"), index: i, ...done });
      for (let t = 0; t < steps; t++) {
        for (let piece = 0; piece < inputPieces; piece++) {
          tasks.push({ run: find("input"), index: (t * n + i) * inputPieces + piece, ...done });
        }
      }
    }
    const after: HostTask[] = [];
    for (let i = 0; i < n; i++) {
      const run = (): void => {
        const start = (from + i) * stateFloats;
        copyOut(at("firstHidden") + 4 * i * stateFloats, stateFloats, results.hidden, start);
        copyOut(at("firstCell") + 4 * i * stateFloats, stateFloats, results.cell, start);
        if (results.x === undefined) return;
        for (let t = 0; t < steps; t++) {
          const address = at("x") + 4 * (t * n + i) * imageFloats;
          copyOut(address, imageFloats, results.x, (t * batch + from + i) * imageFloats);
        }
      };
      after.push({ waitFor: closed + i, value: 1 + steps * inputPieces, signal: -1, run });
    }
    runJob({
      op: "ConvLSTM gradient",
      program,
      parameters: backwardWords.map((name) => (name === "samples" ? n : at(name))),
      counters: 1 + 3 * n,
      tasks,
      before: hosts.map((run): HostTask => ({ waitFor: -1, value: 0, signal: copied, run })),
      after,
      threadBytes: backwardScratch({ sizes, plan, peephole, wantsX }),
      work: n * steps * positions * 4 * filled * (hidden + inputs) * 9,
    });
    addSums(sizes, peephole, memory.floats, { sums: at("sums"), positionSums: at("positionSums") }, n, pieces, results);
    if (sums.length === 0) continue;
    const copies = Array.from({ length: steps }, (_, t) => (): void => {
      const to = images.hidden + 4 * t * n * stateFloats;
      if (t === 0) copyIn(arrays.hidden, 0, stateFloats, to);
      else copyIn(arrays.sequence, t - 1, stateFloats, to);
      if (arrays.x !== undefined) copyIn(arrays.x, t, imageFloats, images.x + 4 * t * n * imageFloats);
    });
    for (const [k, sum] of sums.entries()) {
      const mark = memory.mark;
      sum.add(n, images, at("frames") + insideFrame(plan.frame), k === 0 ? copies : []);
      memory.release(mark);
    }
  }
  const [whole, separate] = sums;
  return {
    x: results.x,
    hidden: results.hidden,
    cell: results.cell,
    stateWeight: whole?.read(before, hidden),
    inputWeight: inputs === 0 ? undefined : merged ? whole?.read(0, inputs) : separate?.read(0, inputs),
    bias: Float32Array.from(results.bias),
    peephole: peephole === "none" ? undefined : Float32Array.from(results.peephole),
  };
}

/** Adds the sums of samples, bands and positions to the gradients of bias and peepholes, always in the same order. */
function addSums(
  { hidden, filled, positions }: SequenceSizes,
  kind: Peephole,
  floats: Float32Array,
  at: { readonly sums: number; readonly positionSums: number },
  samples: number,
  pieces: number,
  results: { readonly bias: Float64Array; readonly peephole: Float64Array },
): void {
  for (let piece = 0; piece < samples * pieces; piece++) {
    const start = at.sums / 4 + piece * gradientSums * filled;
    for (let gate = 0; gate < 4; gate++) {
      for (let c = 0; c < hidden; c++) results.bias[gate * hidden + c] += floats[start + gate * filled + c];
    }
    if (kind !== "channel") continue;
    for (let q = 0; q < 3; q++) {
      for (let c = 0; c < hidden; c++) results.peephole[q * hidden + c] += floats[start + (4 + q) * filled + c];
    }
  }
  if (kind !== "full") return;
  for (let pixel = 0; pixel < samples * positions; pixel++) {
    const start = at.positionSums / 4 + pixel * 3 * filled;
    const position = pixel % positions;
    for (let q = 0; q < 3; q++) {
      for (let c = 0; c < hidden; c++) {
        results.peephole[(q * hidden + c) * positions + position] += floats[start + q * filled + c];
      }
    }
  }
}
