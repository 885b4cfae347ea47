import { given, open, spins, states, stateWords, taskWords, textLimit, words } from "./control.ts";
import { callTask, type TaskFunction } from "./functions.ts";
import type { Job } from "./job.ts";
import type { Memory } from "./memory.ts";
import { spawn, type Thread } from "./spawn.ts";

/** How long workers may do nothing while the calling thread waits for them. */
const defaultPatience = 30_000;
/** Longest sleep; time beyond it does not count against patience, as when the machine was suspended. */
const nap = 50;

/** A worker died, for the reason in the message, and may have left a job undone: its memory must not be used any more. */
export class WorkerDeath extends Error {
  /** The worker, from 1. */
  readonly thread: number;

  constructor(thread: number, cause: string) {
    super(cause);
    this.thread = thread;
  }
}

/** Workers over one shared memory, and the thread that calls them. */
export class Team {
  /** Threads, the calling one included. */
  readonly size: number;
  /** Why workers cannot be had here at all, if they cannot. */
  refused: string | undefined;
  /** A death that was noticed between jobs. */
  death: WorkerDeath | undefined;
  private readonly memory: Memory;
  private readonly workers: Thread[] = [];
  private readonly patience: number;
  private closed = false;

  /** Starts workers, which come up later. @param patience - milliseconds without any progress after which a worker counts as dead */
  constructor(memory: Memory, size: number, patience: number = defaultPatience) {
    this.memory = memory;
    this.size = size;
    this.patience = patience;
    const control = memory.numbers;
    const epoch = Atomics.add(control, words.epoch, 1) + 1;
    for (let thread = 1; thread < size; thread++) {
      const state = words.states + stateWords * thread;
      Atomics.store(control, state, states.starting);
      try {
        this.workers.push(
          spawn({ memory: memory.memory, thread, epoch }, (cause) => {
            if (this.closed) return;
            // One that never came up will not next time either: there is a rule against it.
            if (Atomics.load(control, state) === states.starting) this.refused ??= cause;
            else this.death ??= new WorkerDeath(thread, cause);
          }),
        );
      } catch (error) {
        this.refused ??= error instanceof Error ? error.message : String(error);
        break;
      }
    }
  }

  /** How many workers have come up. */
  get ready(): number {
    const control = this.memory.numbers;
    let count = 0;
    for (let thread = 1; thread < this.size; thread++)
      if (Atomics.load(control, words.states + stateWords * thread) !== states.starting) count++;
    return count;
  }

  /** Sends the workers home, between jobs. The memory can be used on, by another team too. */
  stop(): void {
    const control = this.memory.numbers;
    this.closed = true;
    Atomics.add(control, words.epoch, 1);
    Atomics.add(control, words.generation, 1);
    Atomics.notify(control, words.generation);
  }

  /** Ends the workers wherever they are; the memory must not be used any more. */
  terminate(): void {
    this.closed = true;
    for (const worker of this.workers) worker.terminate();
  }

  /**
   * Runs a checked job with all workers that come in time.
   * @throws WorkerDeath; otherwise nobody works in the memory any more
   */
  run(job: Job, functions: readonly TaskFunction[]): void {
    this.expectLife();
    const { control, parameters, scratch, counters } = this.write(job);
    Atomics.or(control, words.gate, open);
    Atomics.add(control, words.generation, 1);
    Atomics.notify(control, words.generation, job.tasks.length - 1);
    let failure: { readonly error: unknown } | undefined;
    try {
      this.work(job, functions, parameters, scratch, counters);
    } catch (error) {
      failure = { error };
      Atomics.compareExchange(control, words.failed, 0, given);
      this.announce(control);
    }
    Atomics.and(control, words.gate, ~open);
    if (failure?.error instanceof WorkerDeath) throw failure.error;
    // Those inside still read the job.
    this.wait(() => Atomics.load(control, words.gate) === 0);
    this.expectLife();
    Atomics.store(control, words.failed, 0);
    if (failure !== undefined) throw failure.error;
  }

  /** Lays a job out in memory for whoever comes in. */
  private write(job: Job) {
    const { memory } = this;
    const { bytes } = job.program;
    const scratchBytes = 64 * Math.ceil(job.threadBytes / 64);
    const parameters = memory.allocate(4 * Math.max(1, job.parameters.length));
    const scratch = memory.allocate(scratchBytes * this.size);
    const counters = memory.allocate(4 * job.counters) / 4;
    const tasks = memory.allocate(4 * taskWords * job.tasks.length) / 4;
    const program = memory.allocate(bytes.length);
    const control = memory.numbers;
    control.set(job.parameters, parameters / 4);
    control.fill(0, counters, counters + job.counters);
    new Uint8Array(memory.memory.buffer, program, bytes.length).set(bytes);
    let at = tasks;
    for (const { run, index, waitFor, value, alsoFor = -1, alsoValue = 0, signal } of job.tasks) {
      control[at] = run;
      control[at + 1] = index;
      control[at + 2] = waitFor;
      control[at + 3] = value;
      control[at + 4] = alsoFor;
      control[at + 5] = alsoValue;
      control[at + 6] = signal;
      at += taskWords;
    }
    control[words.tasks] = tasks;
    control[words.taskCount] = job.tasks.length;
    control[words.counters] = counters;
    control[words.parameters] = parameters;
    control[words.scratch] = scratch;
    control[words.scratchBytes] = scratchBytes;
    control[words.program] = job.program.id;
    control[words.programBytes] = program;
    control[words.programLength] = bytes.length;
    // Bytes beyond 2 GiB wrap, so workers compare words.
    control[words.memoryWords] = control.length;
    Atomics.store(control, words.next, 0);
    return { control, parameters, scratch, counters };
  }

  /** The calling thread's part. */
  private work(
    job: Job,
    functions: readonly TaskFunction[],
    parameters: number,
    scratch: number,
    counters: number,
  ): void {
    const control = this.memory.numbers;
    const { before, tasks, after } = job;
    const raise = (signal: number): void => {
      if (signal >= 0) Atomics.add(control, counters + signal, 1);
      this.announce(control);
    };
    const reached = (counter: number, value: number): boolean =>
      counter < 0 || Atomics.load(control, counters + counter) >= value;
    let done = 0;
    const poll = (): void => {
      for (; done < after.length; done++) {
        const { waitFor, value, run, signal } = after[done];
        if (!reached(waitFor, value)) return;
        run();
        raise(signal);
      }
    };
    for (const { run, signal } of before) {
      run();
      raise(signal);
    }
    for (;;) {
      poll();
      const index = Atomics.add(control, words.next, 1);
      if (index >= tasks.length) break;
      const { waitFor, value, alsoFor = -1, alsoValue = 0, signal } = tasks[index];
      const mayStart = (): boolean => reached(waitFor, value) && reached(alsoFor, alsoValue);
      if (!mayStart()) {
        this.wait(() => {
          poll();
          return mayStart();
        });
      }
      callTask(functions, job, index, parameters, scratch);
      raise(signal);
    }
    if (done < after.length) {
      this.wait(() => {
        poll();
        return done === after.length;
      });
    }
  }

  /** Wakes those who sleep within the job. */
  private announce(control: Int32Array): void {
    if (Atomics.load(control, words.sleepers) === 0) return;
    Atomics.add(control, words.event, 1);
    Atomics.notify(control, words.event);
  }

  private expectLife(): void {
    if (this.death !== undefined) throw this.death;
    const control = this.memory.numbers;
    const thread = Atomics.load(control, words.failed);
    if (thread <= 0) return;
    const length = Math.min(Atomics.load(control, words.text), textLimit);
    const units = control.subarray(words.text + 1, words.text + 1 + length);
    throw new WorkerDeath(thread, length === 0 ? "no reason given" : String.fromCharCode(...units));
  }

  /** Waits for what only workers can bring about. @throws WorkerDeath if they no longer can */
  private wait(ready: () => boolean): void {
    for (let i = 0; i < spins; i++) if (ready()) return;
    const control = this.memory.numbers;
    let left = this.patience;
    let seen = Atomics.load(control, words.progress);
    Atomics.add(control, words.sleepers, 1);
    try {
      for (;;) {
        const event = Atomics.load(control, words.event);
        if (ready()) return;
        this.expectLife();
        const start = performance.now();
        if (mayWait()) Atomics.wait(control, words.event, event, nap);
        const progress = Atomics.load(control, words.progress);
        if (progress === seen) left -= Math.min(performance.now() - start, 2 * nap);
        else left = this.patience;
        seen = progress;
        if (left <= 0) throw new WorkerDeath(this.slowest(), `no progress for ${this.patience} ms`);
      }
    } finally {
      Atomics.sub(control, words.sleepers, 1);
    }
  }

  /** A worker that has a task. */
  private slowest(): number {
    const control = this.memory.numbers;
    for (let thread = 1; thread < this.size; thread++)
      if (Atomics.load(control, words.states + stateWords * thread) >= states.busy) return thread;
    return 1;
  }
}

let waiting: boolean | undefined;

/** Whether this thread may sleep: a page's own may not. */
function mayWait(): boolean {
  if (waiting === undefined) {
    try {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
      waiting = true;
    } catch {
      waiting = false;
    }
  }
  return waiting;
}
