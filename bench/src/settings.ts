// The two switches of @squall/cpu that the bench turns.
import * as squall from "@squall/cpu";
import type { Settings } from "./child/protocol.ts";

/** A property of a module that may not be there. */
function exported(name: string): unknown {
  return Object.entries(squall).find(([key]) => key === name)?.[1];
}

/** Sets threads and turbo in this process. @returns threads in use @throws Error if the library cannot */
export function applySettings({ threads, turbo }: Settings): number {
  if (turbo) {
    const enableTurbo = exported("enableTurbo");
    if (typeof enableTurbo !== "function") throw new Error("--turbo: @squall/cpu has no enableTurbo() yet");
    const result: { enabled: boolean; reason: string } = enableTurbo();
    if (!result.enabled) throw new Error(`--turbo: this Node refuses: ${result.reason}`);
  }
  const setThreads = exported("setThreads");
  if (typeof setThreads !== "function") return 1;
  setThreads(threads);
  return threads;
}
