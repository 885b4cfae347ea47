import type { Job } from "./job.ts";

/**
 * Makes sure that a job comes to its end whatever the number of threads: nothing waits for more than what stands before it raises. An
 * error here is a mistake in a kernel, not in what people ask of it.
 * @throws Error naming the task
 */
export function checkJob({ program, tasks, before, after, counters }: Job): void {
  const raised = new Int32Array(counters);
  const see = (kind: string, place: number, waitFor: number, value: number, signal: number): void => {
    if (waitFor >= counters || signal >= counters)
      throw new Error(`${kind} ${place} names counter ${Math.max(waitFor, signal)} of ${counters}`);
    if (waitFor >= 0 && raised[waitFor] < value)
      throw new Error(`${kind} ${place} waits for ${value} in counter ${waitFor}, which can have ${raised[waitFor]}`);
    if (signal >= 0) raised[signal]++;
  };
  for (let i = 0; i < before.length; i++) see("first host task", i, -1, 0, before[i].signal);
  for (let i = 0; i < tasks.length; i++) {
    const { run, waitFor, value, alsoFor = -1, alsoValue = 0, signal } = tasks[i];
    if (run >= program.names.length) throw new Error(`task ${i} is function ${run} of ${program.names.length}`);
    see("task", i, alsoFor, alsoValue, -1);
    see("task", i, waitFor, value, signal);
  }
  for (let i = 0; i < after.length; i++) see("last host task", i, after[i].waitFor, after[i].value, after[i].signal);
}
