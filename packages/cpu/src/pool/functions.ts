import { DeviceError } from "@squall/device";
import type { Job } from "./job.ts";
import type { Memory } from "./memory.ts";
import type { Program } from "./program.ts";

/** An exported function of a program: address of the parameters, which part, address of the thread's scratch. */
export type TaskFunction = (parameters: number, index: number, scratch: number) => void;

/** Compiled programs of the calling thread over one memory; they go when the programs go. */
export class Functions {
  private readonly memory: Memory;
  private readonly found = new WeakMap<Program, TaskFunction[]>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** A program's functions by their place. @throws TypeError if an export is missing */
  of(program: Program): TaskFunction[] {
    let found = this.found.get(program);
    if (found === undefined) {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(program.bytes), {
        env: { memory: this.memory.memory },
      });
      found = program.names.map((name): TaskFunction => {
        const entry = exports[name];
        if (typeof entry !== "function") throw new TypeError(`the program exports no ${name}`);
        return (parameters, index, scratch) => {
          entry(parameters, index, scratch);
        };
      });
      this.found.set(program, found);
    }
    return found;
  }
}

/** The operation that errors of a job name. */
export function opOf({ op, program, tasks }: Job): string {
  return op ?? program.names[tasks[0]?.run ?? 0] ?? "job";
}

/** Runs one task in the calling thread. @throws DeviceError if emitted code traps */
export function callTask(
  functions: readonly TaskFunction[],
  job: Job,
  task: number,
  parameters: number,
  scratch: number,
): void {
  const { run, index } = job.tasks[task];
  try {
    functions[run](parameters, index, scratch);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    const name = job.program.names[run];
    throw new DeviceError(
      opOf(job),
      `the calling thread failed at ${name} ${index} (${cause}); the operation has no result, and the next one works`,
      { got: cause },
    );
  }
}
