import { DeviceError } from "@squall/device";
import { type Features, features } from "../features.ts";
import { runAlone } from "./alone.ts";
import { checkJob } from "./check.ts";
import { Functions, opOf } from "./functions.ts";
import type { Job } from "./job.ts";
import { Memory } from "./memory.ts";
import { Team, WorkerDeath } from "./team.ts";
import { getThreads, refuseWorkers } from "./threads.ts";

/**
 * Multiply-adds that take one thread some 100 microseconds. With less, waking a sleeping worker (20 to 30 microseconds) costs more than
 * it saves.
 */
export const leastWork: number = 2_000_000;

interface Pool {
  /** What the engine could do when the pool was made. */
  readonly features: Features;
  readonly memory: Memory;
  readonly functions: Functions;
  /** Since the first large job. */
  team: Team | undefined;
}

let least = leastWork;
let current: Pool | undefined;

/** Lets smaller jobs wake workers, too: tests do, whose operands are small. */
export function setLeastWork(work: number): void {
  least = work;
}

/** Everything there is, made at the first use and anew when the engine's switches change. */
function pool(): Pool {
  const now = features();
  if (current?.features !== now) {
    replacePool();
    const memory = new Memory(now.shared);
    current = { features: now, memory, functions: new Functions(memory), team: undefined };
  }
  return current;
}

/** Forgets memory and workers: a worker that is given up might still write to its memory. The next use makes new ones. */
export function replacePool(): void {
  current?.team?.terminate();
  current = undefined;
}

/** The memory that kernels emitted for {@link runJob} work in. Ask again for each call: after a failure it is another one. */
export function workMemory(): Memory {
  return pool().memory;
}

/** The workers for a job, started if need be; none if it is the calling thread's alone. */
function teamFor(pool: Pool, { work, tasks }: Job): Team | undefined {
  if (pool.team?.refused !== undefined) refuseWorkers(pool.team.refused);
  const threads = getThreads();
  if (pool.team !== undefined && pool.team.size !== threads) {
    pool.team.stop();
    pool.team = undefined;
  }
  if (threads === 1 || work < least || tasks.length < 2) return undefined;
  pool.team ??= new Team(pool.memory, threads);
  return pool.team;
}

/**
 * Runs a job to its end, with workers if it is large. Parameters, tasks and scratch are allocated here and freed again;
 * call `reset` before allocating the job's own memory.
 * @throws DeviceError if emitted code fails or a worker has died; the next job works, in a new memory after a worker's death
 */
export function runJob(job: Job): void {
  checkJob(job);
  const now = pool();
  const functions = now.functions.of(job.program);
  const team = teamFor(now, job);
  const mark = now.memory.mark;
  try {
    if (team === undefined) runAlone(job, now.memory, functions);
    else team.run(job, functions);
  } catch (error) {
    if (!(error instanceof WorkerDeath) || team === undefined) throw error;
    replacePool();
    throw new DeviceError(
      opOf(job),
      `worker ${error.thread} of ${team.size - 1} died (${error.message}); the operation has no result, the next one starts new workers`,
      { got: error.message },
    );
  } finally {
    now.memory.release(mark);
  }
}
