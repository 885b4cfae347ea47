// What the bench and the processes that it times say to each other: one JSON object per line, on stdin and stdout.
import type { Task } from "../tasks/task.ts";

/** What a process is started with. */
export interface Settings {
  /** Threads it may use. */
  readonly threads: number;
  /** Whether V8's experimental switches are to be turned on; only ours knows them. */
  readonly turbo: boolean;
}

/** What the bench asks. */
export type Request =
  /** Comes first. The answer: {@link Hello}. */
  | { readonly command: "start"; readonly settings: Settings }
  /** Load the inputs in `folder`, be ready to run the task. The answer is empty. */
  | { readonly command: "prepare"; readonly task: Task; readonly folder: string }
  /** Run once and write the outputs to `folder`. The answer: {@link Ran}. */
  | { readonly command: "check"; readonly folder: string }
  /** Run `repeat` times. The answer: {@link Ran}. */
  | { readonly command: "run"; readonly repeat: number }
  /** Ours only: which code computes from now on; see `setKernelPath`. The answer is empty. */
  | { readonly command: "path"; readonly path: "auto" | "loops" }
  /** The answer: {@link Usage}. */
  | { readonly command: "usage" };

/** Who answers. */
export interface Hello {
  /** Name and version of the library. */
  readonly version: string;
  /** Threads it uses. */
  readonly threads: number;
  /** More about it, for the report. */
  readonly about: string;
}

/** Times of runs. */
export interface Ran {
  /** Milliseconds, one per run. */
  readonly times: readonly number[];
}

/** What a run needs of a device that is not the processor. */
export interface DeviceUsage {
  /** Kernels launched in the last run. */
  readonly launches: number;
  /** Bytes that live on the device after it. */
  readonly bytes: number;
}

/** What a process has used so far. */
export interface Usage {
  /** Largest resident memory, in MiB. */
  readonly peak: number;
  /** Processor time of all its threads, in milliseconds. */
  readonly cpu: number;
  /** What it found out about itself while it worked; instead of {@link Hello}'s. */
  readonly about?: string;
  /** Ours on the gpu only. */
  readonly device?: DeviceUsage;
}

/** The answers by the command that they answer. */
export interface Answers {
  readonly start: Hello;
  readonly prepare: Record<string, never>;
  readonly check: Ran;
  readonly run: Ran;
  readonly path: Record<string, never>;
  readonly usage: Usage;
}

/** Marks the lines of the protocol among whatever else a library prints. */
export const MARK = "squall-bench ";
