import { finishParts, type GradientShape, gradientLayout } from "../emit/gradientLayout.ts";
import { gradientFunctions } from "../emit/gradientParts.ts";
import type { Task } from "../pool/job.ts";
import type { Program } from "../pool/program.ts";

/** Counters that {@link gradientTasks} needs for `count` frames. */
export function gradientCounters({ frames }: GradientShape, count: number): number {
  return 1 + Math.ceil(count / frames);
}

/**
 * Tasks of a weight gradient over `count` frames. Work goes by groups of frames: while the products of a group are summed, the points of
 * the next are computed, and then all wait for each other. So each sum is added to in the order of the frames.
 * @param counter - the first of {@link gradientCounters}: what is done, which the barriers count, then one per group for its filled frames
 * @param fill - tasks that fill the frames of a group; each has to raise the counter that it is given. They run ahead of the barriers
 */
export function gradientTasks(
  program: Program,
  shape: GradientShape,
  count: number,
  counter: number,
  fill: (first: number, end: number, counter: number) => readonly Task[],
): Task[] {
  const layout = gradientLayout(shape);
  const find = (name: string): number => program.names.indexOf(name);
  const [points, product, finish] = [gradientFunctions.points, gradientFunctions.product, gradientFunctions.finish].map(
    find,
  );
  const { frames, winograd } = shape;
  const groups = Math.ceil(count / frames);
  const pieces = layout.matrices * layout.blocks;
  const tasks: Task[] = [];
  const fills: number[] = [];
  const filling = (group: number): void => {
    if (group >= groups) return;
    const filled = fill(group * frames, Math.min(count, (group + 1) * frames), counter + 1 + group);
    fills.push(filled.length);
    tasks.push(...filled);
  };
  // Only what stands before a barrier may raise its counter before it opens: fillings, which run ahead, have their own.
  let done = 0;
  const work = (run: number, first: number, number: number, value: number, group?: number): void => {
    const filled = group === undefined ? {} : { alsoFor: counter + 1 + group, alsoValue: fills[group] };
    for (let k = 0; k < number; k++) {
      tasks.push({ run, index: first + k, waitFor: counter, value, ...filled, signal: counter });
    }
    done += number;
  };
  filling(0);
  const lag = winograd === undefined ? 0 : 1;
  for (let phase = 0; phase < groups + lag; phase++) {
    const value = done;
    if (winograd !== undefined && phase < groups) {
      const rows = Math.min(frames, count - phase * frames) * layout.tileRows;
      work(points, phase * frames * layout.tileRows, rows, value, phase);
    }
    filling(phase + 1);
    const group = phase - lag;
    if (group >= 0) work(product, group * pieces, pieces, value, lag === 0 ? group : undefined);
  }
  if (winograd !== undefined) work(finish, 0, finishParts, done);
  return tasks;
}
