import { builtin } from "../node.ts";
import { workerText } from "./workerText.ts";

/** What a worker is told at its start; nothing is posted to it later. */
export interface WorkerStart {
  /** Shared with the calling thread. */
  readonly memory: WebAssembly.Memory;
  /** Its number, from 1. */
  readonly thread: number;
  /** The value of the control word `epoch` that it works for. */
  readonly epoch: number;
}

/** A worker that was started. */
export interface Thread {
  /** Ends it wherever it is. */
  terminate(): void;
}

/** One address serves all workers of a page. */
let url: string | undefined;

/**
 * Starts a worker that keeps no process alive; it comes up later.
 * @param died - told the cause when the worker has ended
 * @throws whatever the engine throws where workers are forbidden or unknown
 */
export function spawn(start: WorkerStart, died: (cause: string) => void): Thread {
  const node = builtin("node:worker_threads");
  if (node !== undefined) {
    // No flags, loaders or variables of the main program: the text stands alone.
    const worker = new node.Worker(workerText, {
      eval: true,
      workerData: start,
      execArgv: [],
      env: {},
      name: `squall ${start.thread}`,
    });
    worker.unref();
    worker.on("error", (error) => died(error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => died(`it exited with code ${code}`));
    return {
      terminate: () => {
        worker.terminate();
      },
    };
  }
  url ??= URL.createObjectURL(new Blob([workerText], { type: "text/javascript" }));
  const worker = new Worker(url, { name: `squall ${start.thread}` });
  worker.onerror = (event) => {
    event.preventDefault();
    died(event.message ?? "no reason given");
  };
  worker.postMessage(start);
  return { terminate: () => worker.terminate() };
}
