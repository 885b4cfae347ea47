// Squall against itself, before anything is timed.
import { Child } from "./child/child.ts";
import { compare } from "./compare.ts";
import { subfolder, withFolder } from "./folder.ts";
import type { Entrant } from "./lane.ts";
import { writeInputs } from "./tasks/files.ts";
import type { Task } from "./tasks/task.ts";

/** One way to compute a task. */
interface Way {
  readonly name: string;
  readonly path: "auto" | "loops";
  readonly threads: number;
}

/** Computes a task in two ways in one process. @throws MismatchError if they are further apart than `tolerance` or the task allows */
async function compareWays(
  task: Task,
  ways: readonly [Way, Way],
  entrant: Entrant,
  tolerance?: number,
): Promise<number> {
  return withFolder(async (folder) => {
    const inputs = await subfolder(folder, "inputs");
    await writeInputs(task, inputs);
    const child = new Child(entrant.launch);
    try {
      const written: string[] = [];
      for (const [number, { path, threads }] of ways.entries()) {
        const out = await subfolder(folder, `${number}`);
        await child.ask({ command: "start", settings: { threads, turbo: entrant.turbo } });
        await child.ask({ command: "path", path });
        await child.ask({ command: "prepare", task, folder: inputs });
        await child.ask({ command: "check", folder: out });
        written.push(out);
      }
      const [got, expected] = written;
      return await compare(task, [ways[0].name, ways[1].name], { inputs, got, expected }, tolerance);
    } finally {
      await child.stop();
    }
  });
}

/**
 * Computes a task with the path that the library takes by itself and with the typed-array loops.
 * @returns how far they are apart
 * @throws MismatchError if that is too far
 */
export function checkAgainstLoops(task: Task, entrant: Entrant): Promise<number> {
  const { threads } = entrant;
  const fast: Way = { name: "the fast path", path: "auto", threads };
  return compareWays(task, [fast, { name: "the typed-array loops", path: "loops", threads }], entrant);
}

/** Computes a task with all threads and with one: the results must have the same bits. @throws MismatchError if they have not */
export async function checkThreads(task: Task, entrant: Entrant): Promise<void> {
  const { threads } = entrant;
  if (threads === 1) return;
  const all: Way = { name: `Squall with ${threads} threads`, path: "auto", threads };
  await compareWays(task, [all, { name: "with 1 thread", path: "auto", threads: 1 }], entrant, 0);
}
