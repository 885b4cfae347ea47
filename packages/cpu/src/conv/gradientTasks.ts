import { finishParts, type GradientShape, gradientFunctions, gradientLayout } from "../emit/weightGradient.ts";
import type { Task } from "../pool/job.ts";
import type { Program } from "../pool/program.ts";

/**
 * Tasks of a weight gradient over `count` frames. Work goes by groups of frames: while the products of a group are summed, the points of
 * the next are computed, and then all wait for each other. So each sum is added to in the order of the frames.
 * @param counter - raised by every task here, and by the `extra` ones
 * @param extra - tasks that fill the frames of a group; they have to raise `counter`
 */
export function gradientTasks(
  program: Program,
  shape: GradientShape,
  count: number,
  counter: number,
  extra: (first: number, end: number) => readonly Task[],
): Task[] {
  const layout = gradientLayout(shape);
  const find = (name: string): number => program.names.indexOf(name);
  const [points, product, finish] = [gradientFunctions.points, gradientFunctions.product, gradientFunctions.finish].map(
    find,
  );
  const { frames, winograd } = shape;
  const groups = Math.ceil(count / frames);
  const tasks: Task[] = [];
  const pieces = layout.matrices * layout.blocks;
  const filling = (group: number): readonly Task[] =>
    group < groups ? extra(group * frames, Math.min(count, (group + 1) * frames)) : [];
  const lag = winograd === undefined ? 0 : 1;
  tasks.push(...filling(0));
  for (let phase = 0; phase < groups + lag; phase++) {
    const value = tasks.length;
    if (winograd !== undefined && phase < groups) {
      const rows = Math.min(frames, count - phase * frames) * layout.tileRows;
      for (let row = 0; row < rows; row++) {
        tasks.push({
          run: points,
          index: phase * frames * layout.tileRows + row,
          waitFor: counter,
          value,
          signal: counter,
        });
      }
    }
    tasks.push(...filling(phase + 1));
    if (phase >= lag) {
      for (let piece = 0; piece < pieces; piece++) {
        const index = (phase - lag) * pieces + piece;
        tasks.push({ run: product, index, waitFor: counter, value, signal: counter });
      }
    }
  }
  if (winograd !== undefined) {
    const value = tasks.length;
    for (let part = 0; part < finishParts; part++) {
      tasks.push({ run: finish, index: part, waitFor: counter, value, signal: counter });
    }
  }
  return tasks;
}
