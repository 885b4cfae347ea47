// One case of a workload: inputs, checks, warm-up, rounds in turn.
import { join } from "node:path";
import { compare, MismatchError } from "./compare.ts";
import { subfolder, withFolder } from "./folder.ts";
import { type Entrant, Lane, type Measured, runRounds } from "./lane.ts";
import type { Effort } from "./statistics.ts";
import { writeInputs } from "./tasks/files.ts";
import { type Task, type Work, workOf } from "./tasks/task.ts";

/** Who was not timed and why. */
export interface Absent {
  readonly name: string;
  readonly reason: string;
  /** Whether it computed something else. */
  readonly mismatch: boolean;
}

/** What came out of one case. */
export interface Measurement {
  readonly work: Work;
  /** Squall first. */
  readonly entrants: readonly Measured[];
  readonly absent: readonly Absent[];
  /** Processors that other programs kept busy meanwhile. */
  readonly others: number;
}

/**
 * Times a task: all entrants in processes of their own, checked against the first, in turn.
 * @param entrants - Squall first, on the cpu
 * @param own - how many of the first are Squall
 * @throws Error if Squall itself fails, MismatchError if it computes something else than on the cpu; a peer that fails is `absent`
 */
export async function measure(task: Task, entrants: readonly Entrant[], effort: Effort, own = 1): Promise<Measurement> {
  const open: Lane[] = [];
  try {
    return await withFolder(async (folder) => {
      const inputs = await subfolder(folder, "inputs");
      await writeInputs(task, inputs);
      const lanes: Lane[] = [];
      const absent: Absent[] = [];
      for (const [number, entrant] of entrants.entries()) {
        const { name } = entrant.launch;
        const lane = new Lane(entrant);
        open.push(lane);
        try {
          const got = await subfolder(folder, `${number}`);
          await lane.open(task, entrant, inputs, got);
          const expected = join(folder, "0");
          if (number > 0) lane.apart = await compare(task, [name, "squall"], { inputs, got, expected });
          await lane.warmUp(effort);
          lanes.push(lane);
        } catch (error) {
          if (number < own) throw error;
          await lane.close();
          const reason = error instanceof Error ? error.message : String(error);
          absent.push({ name, reason, mismatch: error instanceof MismatchError });
        }
      }
      const others = await runRounds(lanes, effort);
      const measured: Measured[] = [];
      for (const lane of lanes) measured.push(await lane.results());
      return { work: workOf(task), entrants: measured, absent, others };
    });
  } finally {
    await Promise.all(open.map((lane) => lane.close()));
  }
}
