// One case of a workload: inputs, checks, warm-up, rounds in turn.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Child, type Launch } from "./child/child.ts";
import type { Hello } from "./child/protocol.ts";
import { compare, MismatchError } from "./compare.ts";
import { type Effort, median, planFor, schedule } from "./statistics.ts";
import { writeInputs } from "./tasks/files.ts";
import { type Task, type Work, workOf } from "./tasks/task.ts";

/** Who is to be timed. */
export interface Entrant {
  readonly launch: Launch;
  readonly threads: number;
  readonly turbo: boolean;
}

/** What came out for one entrant. */
export interface Measured extends Hello {
  readonly name: string;
  /** Milliseconds of every run that counts. */
  readonly times: readonly number[];
  /** Peak resident memory in MiB. */
  readonly peak: number;
  /** Largest difference from Squall's results, as a share of the largest value; 0 for Squall. */
  readonly apart: number;
}

/** What came out of one case. */
export interface Measurement {
  readonly work: Work;
  /** Squall first. */
  readonly entrants: readonly Measured[];
  /** Who was not timed and why. */
  readonly absent: readonly { readonly name: string; readonly reason: string; readonly mismatch: boolean }[];
}

/** Times of one entrant, as they come in. */
interface Lane {
  readonly child: Child;
  readonly hello: Hello;
  readonly apart: number;
  readonly estimate: number;
  readonly times: number[];
}

/** A run longer than this is warm by itself. */
const LONG = 3000;

/** Runs `body` with an empty folder that is gone afterwards. */
export async function withFolder<R>(body: (folder: string) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(tmpdir(), "squall-bench-"));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function subfolder(parent: string, name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  return folder;
}

/** Runs before the first that counts. @returns what one run takes */
async function warmUp(child: Child, first: number, effort: Effort): Promise<number> {
  if (first > LONG) return first;
  let latest = first;
  let spent = 0;
  do {
    [latest] = (await child.ask({ command: "run", repeat: 1 })).times;
    spent += latest;
  } while (spent < effort.warmUp);
  return latest;
}

/**
 * Computes a task with the path that the library takes by itself and with the typed-array loops.
 * @returns how far they are apart
 * @throws MismatchError if that is too far
 */
export async function checkAgainstLoops(task: Task, { launch, threads, turbo }: Entrant): Promise<number> {
  return withFolder(async (folder) => {
    const inputs = await subfolder(folder, "inputs");
    await writeInputs(task, inputs);
    const child = new Child(launch);
    try {
      await child.ask({ command: "start", settings: { threads, turbo } });
      const written: string[] = [];
      for (const path of ["auto", "loops"] as const) {
        const out = await subfolder(folder, path);
        await child.ask({ command: "path", path });
        await child.ask({ command: "prepare", task, folder: inputs });
        await child.ask({ command: "check", folder: out });
        written.push(out);
      }
      const [got, expected] = written;
      return await compare(task, ["the fast path", "the typed-array loops"], { inputs, got, expected });
    } finally {
      await child.stop();
    }
  });
}

/**
 * Times a task: all entrants in processes of their own, checked against the first, in turn.
 * @param entrants - Squall first
 * @throws Error if Squall itself fails; a peer that fails is `absent`
 */
export async function measure(task: Task, entrants: readonly Entrant[], effort: Effort): Promise<Measurement> {
  const children: Child[] = [];
  try {
    return await withFolder(async (folder) => {
      const inputs = await subfolder(folder, "inputs");
      await writeInputs(task, inputs);
      const lanes: Lane[] = [];
      const absent: { name: string; reason: string; mismatch: boolean }[] = [];
      for (const [number, { launch, threads, turbo }] of entrants.entries()) {
        const child = new Child(launch);
        children.push(child);
        try {
          const out = await subfolder(folder, `${number}`);
          const hello = await child.ask({ command: "start", settings: { threads, turbo } });
          await child.ask({ command: "prepare", task, folder: inputs });
          const { times } = await child.ask({ command: "check", folder: out });
          const who = [launch.name, entrants[0].launch.name] as const;
          const apart = number === 0 ? 0 : await compare(task, who, { inputs, got: out, expected: join(folder, "0") });
          lanes.push({ child, hello, apart, estimate: await warmUp(child, times[0], effort), times: [] });
        } catch (error) {
          if (number === 0) throw error;
          await child.stop();
          const reason = error instanceof Error ? error.message : String(error);
          absent.push({ name: launch.name, reason, mismatch: error instanceof MismatchError });
        }
      }
      await runRounds(lanes, effort);
      const measured: Measured[] = [];
      for (const { child, hello, apart, times } of lanes) {
        const { peak } = await child.ask({ command: "memory" });
        measured.push({ name: child.name, ...hello, times, peak, apart });
      }
      return { work: workOf(task), entrants: measured, absent };
    });
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function runRounds(lanes: readonly Lane[], effort: Effort): Promise<void> {
  const plans = lanes.map(({ estimate }) => planFor(estimate, effort));
  for (const round of schedule(plans.map(({ rounds }) => rounds))) {
    for (const lane of round) {
      const { times } = await lanes[lane].child.ask({ command: "run", repeat: plans[lane].repeat });
      lanes[lane].times.push(...times);
      // Threads of the one may still be looking for work when the next begins.
      await pause(5);
    }
  }
}

/** Middle time of one entrant, in milliseconds. */
export function timeOf({ times }: Measured): number {
  return median(times);
}
