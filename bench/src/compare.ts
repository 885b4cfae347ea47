// Whether two processes computed the same.
import { type OutputArray, outputsOf, sizeOf } from "./tasks/arrays.ts";
import { readArray } from "./tasks/files.ts";
import type { Task } from "./tasks/task.ts";

/** Results that differ: nothing is timed that computes something else. */
export class MismatchError extends Error {
  override readonly name = "MismatchError";
}

/** How far two arrays are apart. */
export interface Distance {
  /** Largest difference as a share of the largest absolute value in `expected`. */
  readonly relative: number;
  /** Where. */
  readonly index: number;
}

/** Compares arrays of one length, or what was added to `base`. Numbers that are not finite are infinitely far from everything. */
export function distance(got: Float32Array, expected: Float32Array, base?: Float32Array): Distance {
  let largest = 0;
  let difference = 0;
  let index = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i] - (base?.[i] ?? 0)));
    const apart = Math.abs(got[i] - expected[i]);
    if (!(apart <= difference)) {
      difference = Number.isFinite(apart) ? apart : Number.POSITIVE_INFINITY;
      index = i;
    }
  }
  if (difference === 0 || difference === Number.POSITIVE_INFINITY) return { relative: difference, index };
  return { relative: difference / largest, index };
}

async function compareOutput(output: OutputArray, who: readonly [string, string], folders: Folders): Promise<number> {
  const { name, shape, tolerance, updates } = output;
  const size = sizeOf(shape);
  const [got, expected] = await Promise.all(
    [folders.got, folders.expected].map((folder) => readArray(folder, name, size)),
  );
  const base = updates === undefined ? undefined : await readArray(folders.inputs, updates, size);
  const { relative, index } = distance(got, expected, base);
  if (!(relative <= tolerance)) {
    throw new MismatchError(
      `${who[0]} and ${who[1]} do not agree on ${name} [${shape.join(",")}]: they are ${relative.toExponential(1)} of the largest value apart, ` +
        `${tolerance} is allowed; at index ${index} ${got[index]} against ${expected[index]}`,
    );
  }
  return relative;
}

/** Where arrays are. */
export interface Folders {
  readonly inputs: string;
  readonly got: string;
  readonly expected: string;
}

/**
 * Compares what two processes wrote for a task.
 * @param who - their names, for the message
 * @param tolerance - largest distance that passes, if not the task's own
 * @returns the largest distance, as a share of the largest value of its array
 * @throws MismatchError naming array, place and both values
 */
export async function compare(
  task: Task,
  who: readonly [string, string],
  folders: Folders,
  tolerance?: number,
): Promise<number> {
  let worst = 0;
  for (const output of outputsOf(task)) {
    const strict = tolerance === undefined ? output : { ...output, tolerance };
    worst = Math.max(worst, await compareOutput(strict, who, folders));
  }
  return worst;
}
