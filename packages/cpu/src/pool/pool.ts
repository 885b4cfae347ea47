import type { Job } from "./job.ts";
import { Memory } from "./memory.ts";
import type { Program } from "./program.ts";

type TaskFunction = (parameters: number, index: number, scratch: number) => void;

const memory = new Memory(false);
const instances = new Map<number, TaskFunction[]>();

function functionsOf(program: Program): TaskFunction[] {
  let found = instances.get(program.id);
  if (found === undefined) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(program.bytes), {
      env: { memory: memory.memory },
    });
    found = program.names.map((name): TaskFunction => {
      const entry = exports[name];
      if (typeof entry !== "function") throw new TypeError(`the program exports no ${name}`);
      return (parameters, index, scratch) => {
        entry(parameters, index, scratch);
      };
    });
    instances.set(program.id, found);
  }
  return found;
}

/** The memory that kernels emitted for {@link runJob} work in. */
export function workMemory(): Memory {
  return memory;
}

/** Runs a job to its end. Parameters are written to memory that is allocated here; call `reset` before allocating the job's own. */
export function runJob(job: Job): void {
  const functions = functionsOf(job.program);
  const parameters = memory.allocate(4 * Math.max(1, job.parameters.length));
  const scratch = memory.allocate(job.threadBytes);
  memory.numbers.set(job.parameters, parameters / 4);
  for (const task of job.before) task.run();
  for (const task of job.tasks) functions[task.run](parameters, task.index, scratch);
  for (const task of job.after) task.run();
}
