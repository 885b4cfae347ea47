// How the time of a training step grows with one size at a time. Squall only.
import { subfolder, withFolder } from "./folder.ts";
import { type Entrant, Lane, type Measured, runRounds } from "./lane.ts";
import type { Effort } from "./statistics.ts";
import { writeInputs } from "./tasks/files.ts";
import { type TrainTask, workOf } from "./tasks/task.ts";

/** What the series start from. */
export const SCALING_BASE: TrainTask = {
  kind: "train",
  batch: 2,
  steps: 4,
  channels: 16,
  height: 32,
  width: 32,
  hidden: [16],
  kernel: 3,
  outChannels: 1,
  learningRate: 0.1,
};

/** One size of a series. */
export interface Point {
  readonly label: string;
  /** Floating-point operations. */
  readonly work: number;
  readonly measured: Measured;
}

/** Times of a training step with one size doubled again and again. */
export interface Series {
  readonly dimension: string;
  readonly points: readonly Point[];
  /** Processors that other programs kept busy meanwhile. */
  readonly others: number;
}

interface Step {
  readonly label: string;
  readonly task: TrainTask;
  readonly threads: number;
}

/** The series: what is doubled, and from what to what. */
export function scalingSteps(threads: number): { readonly dimension: string; readonly steps: readonly Step[] }[] {
  const base = SCALING_BASE;
  const doubled = (label: (times: number) => string, task: (times: number) => TrainTask): Step[] =>
    [1, 2, 4, 8].map((times) => ({ label: label(times), task: task(times), threads }));
  const counts: number[] = [];
  for (let count = 1; count < threads; count *= 2) counts.push(count);
  const large = { ...base, batch: 4, hidden: [32] };
  return [
    {
      dimension: "batch",
      steps: doubled(
        (times) => `B = ${times}`,
        (times) => ({ ...base, batch: times }),
      ),
    },
    {
      dimension: "time steps",
      steps: doubled(
        (times) => `T = ${2 * times}`,
        (times) => ({ ...base, steps: 2 * times }),
      ),
    },
    {
      dimension: "image",
      steps: [1, 2, 4, 8].map((times) => {
        const [height, width] = [times < 4 ? 16 : 32, [16, 32, 32, 64][Math.log2(times)]];
        return { label: `${height} x ${width}`, task: { ...base, height, width }, threads };
      }),
    },
    {
      dimension: "channels, of input and hidden state",
      steps: doubled(
        (times) => `C = H = ${8 * times}`,
        (times) => ({ ...base, channels: 8 * times, hidden: [8 * times] }),
      ),
    },
    {
      dimension: "threads",
      steps: [...counts, threads].map((count) => ({
        label: count === 1 ? "1 thread" : `${count} threads`,
        task: large,
        threads: count,
      })),
    },
  ];
}

/** Times one series, its sizes in turn, each in a process of its own. */
async function runSeries(dimension: string, steps: readonly Step[], ours: Entrant, effort: Effort): Promise<Series> {
  const lanes: Lane[] = [];
  try {
    return await withFolder(async (folder) => {
      for (const [number, { task, threads }] of steps.entries()) {
        const entrant = { ...ours, threads };
        const lane = new Lane(entrant);
        lanes.push(lane);
        const inputs = await subfolder(folder, `inputs-${number}`);
        await writeInputs(task, inputs);
        await lane.open(task, entrant, inputs, await subfolder(folder, `outputs-${number}`));
        await lane.warmUp(effort);
      }
      const others = await runRounds(lanes, effort);
      const points: Point[] = [];
      for (const [number, { label, task }] of steps.entries()) {
        points.push({ label, work: workOf(task).amount, measured: await lanes[number].results() });
      }
      return { dimension, points, others };
    });
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

/** Times all series. @param report - is told of each as it is there */
export async function measureScaling(
  ours: Entrant,
  effort: Effort,
  report: (series: Series) => void,
): Promise<Series[]> {
  const all: Series[] = [];
  for (const { dimension, steps } of scalingSteps(ours.threads)) {
    const series = await runSeries(dimension, steps, ours, effort);
    report(series);
    all.push(series);
  }
  return all;
}
