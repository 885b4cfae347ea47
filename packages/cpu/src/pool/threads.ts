import { ArgumentError } from "@squall/device";
import { features } from "../features.ts";
import { builtin } from "../node.ts";
import { threadLimit } from "./control.ts";

let chosen: number | undefined;
let refusal: string | undefined;

/** How many the machine can run at once, as the host says. */
function processors(): number {
  const count = builtin("node:os")?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
  return Math.max(1, Math.min(threadLimit, count));
}

/** Notes that workers cannot be had here. */
export function refuseWorkers(cause: string): void {
  refusal = cause;
}

/** Why there is only the calling thread, whatever was asked for; empty if there may be more. */
function lack(): string {
  const { simd, shared, reason } = features();
  if (!simd) return reason;
  if (!shared) return "no shared memory";
  return refusal === undefined ? "" : `workers refused (${refusal})`;
}

/**
 * How many threads large float32 operations on the cpu use, the calling one included: what `setThreads` chose, or as many as the machine
 * can run at once; 1 where memory cannot be shared between threads.
 */
export function getThreads(): number {
  return lack() === "" ? (chosen ?? processors()) : 1;
}

/**
 * Chooses how many threads large float32 operations on the cpu use from the next one on, the calling one included. Results have the same
 * bits for any number. 1 stops all workers; where memory cannot be shared between threads (a page without cross-origin isolation) there
 * is one thread whatever is chosen.
 * @param threads - a whole number from 1 to 256
 * @throws ArgumentError for other numbers
 */
export function setThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1 || threads > threadLimit) {
    throw new ArgumentError(
      "setThreads",
      `the number of threads is a whole number from 1 to ${threadLimit}, not ${threads}; getThreads() tells the present one`,
      { expected: `1 to ${threadLimit}`, got: threads },
    );
  }
  chosen = threads;
}

/** The number of threads and, where it is 1, why. */
export function describeThreads(): string {
  const threads = getThreads();
  if (threads > 1) return `${threads} threads`;
  const cause = lack();
  if (cause !== "") return `1 thread: ${cause}`;
  return chosen === undefined ? "1 thread: one processor" : "1 thread, as set";
}
