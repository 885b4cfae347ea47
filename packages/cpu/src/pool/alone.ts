import { callTask, type TaskFunction } from "./functions.ts";
import type { Job } from "./job.ts";
import type { Memory } from "./memory.ts";

/** Runs a checked job in the calling thread: nothing ever has to be waited for. */
export function runAlone(job: Job, memory: Memory, functions: readonly TaskFunction[]): void {
  const { before, tasks, after } = job;
  const parameters = memory.allocate(4 * Math.max(1, job.parameters.length));
  const scratch = memory.allocate(job.threadBytes);
  memory.numbers.set(job.parameters, parameters / 4);
  const counters = new Int32Array(job.counters);
  const raise = (signal: number): void => {
    if (signal >= 0) counters[signal]++;
  };
  let done = 0;
  // As early as among several threads: what was just computed is still in the cache.
  const poll = (): void => {
    for (; done < after.length; done++) {
      const { waitFor, value, run, signal } = after[done];
      if (waitFor >= 0 && counters[waitFor] < value) return;
      run();
      raise(signal);
    }
  };
  for (const { run, signal } of before) {
    run();
    raise(signal);
  }
  for (let i = 0; i < tasks.length; i++) {
    poll();
    callTask(functions, job, i, parameters, scratch);
    raise(tasks[i].signal);
  }
  poll();
}
