import { Module } from "../assembler/module.ts";
import { gradientCounters, gradientTasks } from "../conv/gradientTasks.ts";
import { readGradient } from "../conv/weightGradient.ts";
import { addFillTask, type FrameSource, fillParts } from "../emit/fillFrame.ts";
import { type GradientShape, gradientLayout } from "../emit/gradientLayout.ts";
import { addWeightGradient } from "../emit/weightGradient.ts";
import type { HostTask, Task } from "../pool/job.ts";
import type { Memory } from "../pool/memory.ts";
import { runJob } from "../pool/pool.ts";
import { programOf } from "../pool/program.ts";
import type { SequenceSizes } from "./plan.ts";

/** The sum of a weight gradient over all samples: frames are filled anew for each chunk of samples. */
export class WeightSum {
  readonly shape: GradientShape;
  private readonly sizes: SequenceSizes;
  /** Channels of the input images before those of the state. */
  private readonly before: number;
  /** Whether the state's channels are in it. */
  private readonly ofState: boolean;
  private readonly memory: Memory;
  private readonly sums: number;
  private readonly finished: number;

  constructor(memory: Memory, sizes: SequenceSizes, shape: GradientShape, before: number, ofState: boolean) {
    this.memory = memory;
    this.sizes = sizes;
    this.shape = shape;
    this.before = before;
    this.ofState = ofState;
    const layout = gradientLayout(shape);
    this.sums = memory.allocate(layout.bytes);
    this.finished = memory.allocate(layout.finished);
    memory.floats.fill(0, this.sums / 4, (this.sums + layout.bytes) / 4);
  }

  /**
   * Adds the frames of `samples` samples.
   * @param images - addresses of inputs and of hidden states before each step, `[T, n]`
   * @param copies - copy the images of each step there; none if they are there
   */
  add(
    samples: number,
    images: { readonly x: number; readonly hidden: number },
    gradients: number,
    copies: readonly (() => void)[],
  ): void {
    const { memory, shape, sizes, before, ofState } = this;
    const { hidden, size, inputSize, steps } = sizes;
    const count = steps * samples;
    const layout = gradientLayout(shape);
    const frames = memory.allocate(count * shape.input.bytes);
    const points = memory.allocate(2 * layout.points);
    const key = `ConvLSTM weights ${JSON.stringify([sizes, shape, before, ofState])}`;
    const program = programOf(key, memory.shared, () => {
      const module = new Module();
      const frame = shape.input;
      const sources: FrameSource[] = [];
      if (before > 0) {
        sources.push({ filling: { frame, channels: before, channel: 0, size: inputSize, clear: true }, word: 0 });
      }
      if (ofState) {
        const clear = sources.length === 0;
        sources.push({ filling: { frame, channels: hidden, channel: before, size, clear }, word: 1 });
      }
      addFillTask(module, "fill", 2, sources);
      addWeightGradient(module, shape, 3);
      return module;
    });
    const fill = program.names.indexOf("fill");
    const copied = gradientCounters(shape, count);
    const tasks = gradientTasks(program, shape, count, 0, (from, end, signal) => {
      const filling: Task[] = [];
      for (let index = from * fillParts; index < end * fillParts; index++) {
        const step = Math.floor(index / fillParts / samples);
        const [waitFor, value] = copies.length === 0 ? [-1, 0] : [copied, step + 1];
        filling.push({ run: fill, index, waitFor, value, signal });
      }
      return filling;
    });
    runJob({
      op: "ConvLSTM gradient",
      program,
      parameters: [images.x, images.hidden, frames, frames, gradients, count, this.sums, points, this.finished],
      counters: copied + 1,
      tasks,
      before: copies.map((run): HostTask => ({ waitFor: -1, value: 0, signal: copied, run })),
      after: [],
      threadBytes: layout.scratch,
      work: count * sizes.positions * shape.outputs * shape.inputs * 9,
    });
  }

  /** The gradient `[4H, channels, taps]` from `first` on. */
  read(first: number, channels: number): Float32Array {
    const { shape, sizes, memory } = this;
    const { filled, hidden } = sizes;
    const whole = readGradient(shape, memory.floats, this.sums, this.finished);
    const [d, h, w] = shape.kernel;
    const taps = d * h * w;
    const [row, part] = [shape.inputs * taps, channels * taps];
    const out = new Float32Array(4 * hidden * part);
    for (let gate = 0; gate < 4; gate++) {
      for (let c = 0; c < hidden; c++) {
        const from = (gate * filled + c) * row + first * taps;
        out.set(whole.subarray(from, from + part), (gate * hidden + c) * part);
      }
    }
    return out;
  }
}
