import type { Module } from "../assembler/module.ts";
import { type Features, features } from "../features.ts";

/**
 * Emitted code of one kernel and shape. Its exported functions are tasks: they take the byte address of the job's parameters, a
 * number that says which part to do, and the byte address of the thread's own scratch.
 */
export interface Program {
  /** Unique among all programs of the process. */
  readonly id: number;
  /** The binary form, compiled by every thread that runs it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Names of the exported functions, in the module's order; tasks name them by their place here. */
  readonly names: readonly string[];
}

/** Most programs kept; a program is a few kilobytes, compiled code perhaps a hundred. */
const limit = 256;
const programs = new Map<string, Program>();
let nextId = 1;
let emittedFor: Features | undefined;

/**
 * The program under a key, emitted at the first call and again when the engine's switches change. The least recently used one
 * goes when there are too many.
 */
export function programOf(key: string, shared: boolean, emit: () => Module): Program {
  if (emittedFor !== features()) programs.clear();
  emittedFor = features();
  const whole = `${shared ? "shared" : "own"} ${key}`;
  let found = programs.get(whole);
  if (found === undefined) {
    const module = emit();
    found = { id: nextId++, bytes: module.toBytes(shared), names: module.names };
    if (programs.size >= limit) {
      for (const oldest of programs.keys()) {
        programs.delete(oldest);
        break;
      }
    }
  } else {
    programs.delete(whole);
  }
  programs.set(whole, found);
  return found;
}
