// The two switches of @squall/cpu that the bench turns.
import { cpu, enableTurbo, getThreads, setThreads } from "@squall/cpu";
import type { Settings } from "./child/protocol.ts";

let switches = "";

/** Sets threads and turbo in this process; again, too. @returns threads in use @throws Error if this Node has no such switches */
export function applySettings({ threads, turbo }: Settings): number {
  if (turbo) {
    const { flags, reason } = enableTurbo();
    if (flags.length === 0) throw new Error(`--turbo: nothing to be had on this Node: ${reason}`);
    switches = ` (V8 with ${flags.join(" ")})`;
  }
  setThreads(threads);
  return getThreads();
}

/** What computes, and with which switches. */
export function describeSettings(): string {
  return `${cpu.describe()}${switches}`;
}
