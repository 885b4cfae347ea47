/**
 * Places of the 32-bit words at the start of the memory by which threads agree; words that different threads write often lie in cache
 * lines of their own. The calling thread is number 0, workers count from 1.
 */
export const words = {
  /** Counts jobs: workers sleep on it. */
  generation: 0,
  /** {@link open} while a job may be joined, plus the number of workers inside. */
  gate: 16,
  /** The next task to be taken. */
  next: 32,
  /** Counts what sleepers within a job might wait for: they sleep on it. */
  event: 48,
  /** How many sleep on `event`; nobody is notified while it is 0. */
  sleepers: 49,
  /** Number of the worker that died, or {@link given} if the calling thread gave the job up; 0 if all is well. */
  failed: 64,
  /** Counts finished tasks, whoever did them. */
  progress: 80,
  /** Workers started for another value go home. */
  epoch: 96,
  /** The open job. Nobody outside the gate may read these. */
  tasks: 112,
  taskCount: 113,
  counters: 114,
  parameters: 115,
  scratch: 116,
  scratchBytes: 117,
  program: 118,
  programBytes: 119,
  programLength: 120,
  memoryWords: 121,
  /** One cache line per thread: its state. */
  states: 256,
  /** The last words of a worker that died: their number, then UTF-16 units. */
  text: 8192,
} as const;

/** Set in the gate while workers may come in. */
export const open: number = 1 << 30;
/** In `failed`: the calling thread gave the job up. */
export const given: number = -1;
/** Words from one thread's state to the next. */
export const stateWords: number = 16;
/** Words of a task in memory: run, index, waitFor, value, alsoFor, alsoValue, signal. */
export const taskWords: number = 7;
/** Most characters of a cause that a dying worker leaves. */
export const textLimit: number = 400;
/** Most threads that the control words have room for. */
export const threadLimit: number = 256;
/** Loads before a thread goes to sleep: some microseconds, within which another one usually comes. */
export const spins: number = 2000;

/** States of a worker; `busy` and above: the task it is at, plus `busy`. */
export const states = { starting: 0, ready: 1, busy: 2 } as const;
