import type { ConvGeometry } from "@squall/device";
import { Module } from "../assembler/module.ts";
import { addFillTask, type FrameFilling, fillParts } from "../emit/fillFrame.ts";
import { type Frame, type FrameAxis, frameOf } from "../emit/frame.ts";
import { type GradientShape, gradientLayout } from "../emit/gradientLayout.ts";
import { addWeightGradient } from "../emit/weightGradient.ts";
import { features } from "../features.ts";
import type { HostTask, Task } from "../pool/job.ts";
import { runJob, workMemory } from "../pool/pool.ts";
import { programOf } from "../pool/program.ts";
import { winogradFor } from "./bandPlan.ts";
import { gradientCounters, gradientTasks } from "./gradientTasks.ts";
import { type Axes, tapsOf, threeAxes } from "./problem.ts";

/** Most bytes of staged images at a time; one pair may take more. */
const stagedLimit = 64 << 20;
/** Most bytes of one buffer of Winograd points, unless one frame needs more. */
const pointsLimit = 6 << 20;

/** What a weight gradient is summed over. */
interface GradientRequest {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly axes: Axes;
  /** Frames that there are at most. */
  readonly images: number;
  /** Channels of the input frame, if more than are used. */
  readonly frameChannels?: number;
  /** Frames of the output gradient that exist already; they must reach over {@link outputReach}. */
  readonly output?: Frame;
}

/** Positions of the output gradient that a weight gradient reads along each axis; those beyond the output must be zero. */
export function outputReach(request: Omit<GradientRequest, "output" | "images">): [number, number, number] {
  const [d, h, w] = request.axes;
  const step = stepOf(request);
  return [d.outSize, Math.ceil(h.outSize / step) * step, Math.ceil(w.outSize / step) * step];
}

function stepOf({ inChannels, outChannels, groups, axes }: Omit<GradientRequest, "output" | "images">): number {
  return winogradFor({ inputs: inChannels / groups, outputs: outChannels / groups, groups, axes }) ?? 1;
}

/** Chooses algorithm and layout. */
export function planGradient(request: GradientRequest): GradientShape {
  const { inChannels, outChannels, groups, axes, images } = request;
  const [d, h, w] = axes;
  const { fused, wide } = features();
  const inputs = inChannels / groups;
  const outputs = outChannels / groups;
  const winograd = winogradFor({ inputs, outputs, groups, axes });
  const reach = outputReach(request);
  const channels = (count: number): number => (winograd === undefined ? count : Math.ceil(count / 4) * 4);
  const inputAxes = axes.map((axis, k): FrameAxis => {
    const last = (reach[k] - 1) * axis.stride + (axis.kernel - 1) * axis.dilation;
    return { before: axis.padBefore, size: axis.size, reach: last + 1 };
  });
  const outputAxes = axes.map((axis, k): FrameAxis => ({ before: 0, size: axis.outSize, reach: reach[k] }));
  const input = frameOf(inputAxes, channels(request.frameChannels ?? inChannels));
  const output = request.output ?? frameOf(outputAxes, channels(outChannels));
  const shape = {
    input,
    channel: 0,
    inputs,
    output,
    outputs,
    groups,
    kernel: [d.kernel, h.kernel, w.kernel],
    stride: [d.stride, h.stride, w.stride],
    dilation: [d.dilation, h.dilation, w.dilation],
    size: [d.outSize, h.outSize, w.outSize],
    winograd,
    vectors: wide ? 4 : 2,
    fused,
  } as const;
  const positions = d.outSize * h.outSize * w.outSize;
  const enough = Math.max(1, Math.ceil((winograd === undefined ? 1024 : 256 * winograd ** 2) / positions));
  const fitting =
    winograd === undefined ? images : Math.floor(pointsLimit / gradientLayout({ ...shape, frames: 1 }).points);
  return { ...shape, frames: Math.max(1, Math.min(images, enough, fitting)) };
}

/** Whether one input with its output is small enough to be staged. */
function fits(geometry: ConvGeometry, axes: Axes): boolean {
  const [d, h, w] = axes;
  const inputs = geometry.inChannels * d.size * h.size * w.size;
  return inputs + geometry.outChannels * d.outSize * h.outSize * w.outSize < 1 << 26;
}

/** Reads `[O, C/groups, …k]` from the sums. */
export function readGradient(shape: GradientShape, floats: Float32Array, sums: number, finished: number): Float32Array {
  const { groups, outputs, inputs, kernel, winograd } = shape;
  const layout = gradientLayout(shape);
  const [d, h, w] = kernel;
  const taps = d * h * w;
  const out = new Float32Array(groups * outputs * inputs * taps);
  const base = (winograd === undefined ? sums : finished) / 4;
  const matrix = layout.matrix / 4;
  const rowTaps = layout.merged ? w : 1;
  for (let g = 0; g < groups; g++) {
    for (let tap = 0; tap < taps; tap++) {
      const column = (tap % rowTaps) * inputs;
      const from = base + (g * (taps / rowTaps) + Math.floor(tap / rowTaps)) * matrix + column;
      for (let o = 0; o < outputs; o++) {
        const row = from + o * layout.allColumns;
        let to = (g * outputs + o) * inputs * taps + tap;
        for (let c = 0; c < inputs; c++) {
          out[to] = floats[row + c];
          to += taps;
        }
      }
    }
  }
  return out;
}

/** The weight gradient in emitted code, or `undefined` where the loops have to do it. */
export function fastConvWeightGradient(
  geometry: ConvGeometry,
  input: Float32Array,
  outputGradient: Float32Array,
): Float32Array | undefined {
  const { batch, inChannels, outChannels, groups } = geometry;
  const axes = threeAxes(geometry.axes);
  if (!fits(geometry, axes)) return undefined;
  // Nothing would be computed, and what is read would be left over from something else.
  if (batch === 0) return new Float32Array(outChannels * (inChannels / groups) * tapsOf(axes));
  const [d, h, w] = axes;
  const shape = planGradient({ inChannels, outChannels, groups, axes, images: batch });
  const layout = gradientLayout(shape);
  const inputFloats = inChannels * d.size * h.size * w.size;
  const outputFloats = outChannels * d.outSize * h.outSize * w.outSize;
  const staged = 4 * (inputFloats + outputFloats) + shape.input.bytes + shape.output.bytes;
  const images = Math.max(1, Math.min(batch, Math.floor(stagedLimit / staged)));
  const memory = workMemory();
  memory.reset();
  const inputs = memory.allocate(4 * images * inputFloats + 64);
  const inputFrames = memory.allocate(images * shape.input.bytes);
  const outputs = memory.allocate(4 * images * outputFloats + 64);
  const outputFrames = memory.allocate(images * shape.output.bytes);
  const sums = memory.allocate(layout.bytes);
  const points = memory.allocate(2 * layout.points);
  const finished = memory.allocate(layout.finished);
  memory.floats.fill(0, sums / 4, (sums + layout.bytes) / 4);
  const key = `conv weight gradient ${JSON.stringify([shape, axes])}`;
  const program = programOf(key, memory.shared, () => {
    const module = new Module();
    const filling = (frame: FrameFilling["frame"], channels: number, size: FrameFilling["size"]): FrameFilling => ({
      frame,
      channels,
      channel: 0,
      size,
      clear: true,
    });
    addFillTask(module, "input", 1, [{ filling: filling(shape.input, inChannels, [d.size, h.size, w.size]), word: 0 }]);
    addFillTask(module, "output", 3, [{ filling: filling(shape.output, outChannels, shape.size), word: 2 }]);
    addWeightGradient(module, shape, 4);
    return module;
  });
  const [fillInput, fillOutput] = [program.names.indexOf("input"), program.names.indexOf("output")];
  for (let first = 0; first < batch; first += images) {
    const count = Math.min(images, batch - first);
    const before: HostTask[] = [];
    for (let n = 0; n < count; n++) {
      const copy = (source: Float32Array, length: number, address: number): void => {
        const from = (first + n) * length;
        memory.floats.set(source.subarray(from, from + length), address / 4 + n * length);
      };
      before.push({
        waitFor: -1,
        value: 0,
        signal: n,
        run: () => {
          copy(input, inputFloats, inputs);
          copy(outputGradient, outputFloats, outputs);
        },
      });
    }
    const tasks = gradientTasks(program, shape, count, count, (from, end, signal) => {
      const filling: Task[] = [];
      for (let n = from; n < end; n++) {
        for (let part = 0; part < fillParts; part++) {
          const common = { index: n * fillParts + part, waitFor: n, value: 1, signal };
          filling.push({ run: fillInput, ...common }, { run: fillOutput, ...common });
        }
      }
      return filling;
    });
    runJob({
      op: "convWeightGradient",
      program,
      parameters: [
        inputs,
        inputFrames,
        outputs,
        outputFrames,
        inputFrames,
        outputFrames,
        count,
        sums,
        points,
        finished,
      ],
      counters: count + gradientCounters(shape, count),
      tasks,
      before,
      after: [],
      threadBytes: layout.scratch,
      work: count * outputFloats * (inChannels / groups) * tapsOf(axes),
    });
  }
  return readGradient(shape, memory.floats, sums, finished);
}
