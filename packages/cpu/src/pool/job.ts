import type { Program } from "./program.ts";

/**
 * One piece of a job: calls an exported function of the program. It starts after counter `waitFor` has reached `value` (and `alsoFor` has
 * reached `alsoValue`), and raises counter `signal` by one when it is done.
 */
export interface Task {
  /** Place of the function among the program's names. */
  readonly run: number;
  /** Second argument of the function; the first is the address of the parameters, the third that of the thread's own scratch. */
  readonly index: number;
  /** Counter to wait for, or -1. */
  readonly waitFor: number;
  /** What that counter has to reach. */
  readonly value: number;
  /** Another counter to wait for, or -1. Default -1. */
  readonly alsoFor?: number;
  /** What that counter has to reach. Default 0. */
  readonly alsoValue?: number;
  /** Counter to raise, or -1. */
  readonly signal: number;
}

/** Something only the calling thread can do, like copying to or from arrays outside the shared memory. */
export interface HostTask {
  /** Counter to wait for, or -1. */
  readonly waitFor: number;
  /** What that counter has to reach. */
  readonly value: number;
  /** Counter to raise, or -1. */
  readonly signal: number;
  /** Does it. */
  readonly run: () => void;
}

/**
 * Work for all threads. Tasks are taken in their order by whichever thread is free; one may wait only for counters that earlier tasks or
 * `before` raise, so that any number of threads, one included, comes to the end. What a task computes must not depend on which thread
 * runs it or on what runs beside it: then results have the same bits for any number of threads.
 */
export interface Job {
  /** The operation that errors name; the first task's function if it is not given. */
  readonly op?: string;
  /** What is run. */
  readonly program: Program;
  /** 32-bit whole numbers, most of them addresses, that functions read at their first argument. */
  readonly parameters: readonly number[];
  /** How many counters there are; all start at 0. */
  readonly counters: number;
  /** The tasks. */
  readonly tasks: readonly Task[];
  /** Done by the calling thread first, in order. They wait for nothing. */
  readonly before: readonly HostTask[];
  /** Done by the calling thread, in order, as soon as each may start. */
  readonly after: readonly HostTask[];
  /** Bytes of scratch that each thread has to itself while it runs tasks; its address is the third argument of every function. */
  readonly threadBytes: number;
  /** Rough work in multiply-adds: small jobs do not wake other threads. */
  readonly work: number;
}
