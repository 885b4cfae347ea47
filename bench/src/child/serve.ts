// The side of the timed process: answers requests until stdin ends.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { outputsOf } from "../tasks/arrays.ts";
import { type Arrays, arrayNamed, readInputs, writeArray } from "../tasks/files.ts";
import type { Task } from "../tasks/task.ts";
import { type Answers, type DeviceUsage, type Hello, MARK, type Request, type Settings } from "./protocol.ts";

/** A task with everything loaded. */
export interface Runner {
  /** Does the task once; what is timed. The results stay until the next run. */
  run(): void | Promise<void>;
  /** The results of the last run, by the names of `outputsOf`. */
  outputs(): Arrays | Promise<Arrays>;
}

/** What a library has to offer to be timed. */
export interface Player {
  /** Gets ready. @throws Error if the settings cannot be met */
  start(settings: Settings): Hello | Promise<Hello>;
  /** Loads a task. @throws Error if the library cannot do it */
  prepare(task: Task, inputs: Arrays): Runner | Promise<Runner>;
  /** What it found out about itself while it worked. */
  about?(): string;
  /** Ours on the gpu only: what the last run needed; undefined before the first. */
  deviceUsage?(): DeviceUsage | undefined;
  /** Ours only: switches between kernel paths. */
  setPath?(path: "auto" | "loops"): void;
}

/**
 * Largest resident memory of this process in MiB. On Linux from /proc, because there `maxRSS` of a child starts at the memory of the
 * process that started it.
 */
export function peakMemory(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kibibytes !== undefined) return Number(kibibytes) / 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS / 1024;
}

/** Processor time of all threads of this process, in milliseconds. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Answers the requests on stdin. */
export async function serve(player: Player): Promise<void> {
  let current: { readonly task: Task; readonly runner: Runner } | undefined;

  async function timed(runner: Runner, repeat: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < repeat; i++) {
      const start = performance.now();
      const pending = runner.run();
      if (pending !== undefined) await pending;
      times.push(performance.now() - start);
    }
    return times;
  }

  async function answer(request: Request): Promise<Answers[keyof Answers]> {
    switch (request.command) {
      case "start":
        return player.start(request.settings);
      case "prepare": {
        const { task, folder } = request;
        current = { task, runner: await player.prepare(task, await readInputs(task, folder)) };
        return {};
      }
      case "path":
        if (player.setPath === undefined) throw new Error("this library has no kernel paths");
        player.setPath(request.path);
        return {};
      case "usage": {
        const device = player.deviceUsage?.();
        const about = player.about?.();
        return {
          ...{ peak: peakMemory(), cpu: cpuTime() },
          ...(about === undefined ? {} : { about }),
          ...(device === undefined ? {} : { device }),
        };
      }
    }
    if (current === undefined) throw new Error(`${request.command} came before prepare`);
    const { task, runner } = current;
    if (request.command === "run") return { times: await timed(runner, request.repeat) };
    const times = await timed(runner, 1);
    const outputs = await runner.outputs();
    for (const { name } of outputsOf(task)) await writeArray(request.folder, name, arrayNamed(outputs, name));
    return { times };
  }

  for await (const line of createInterface({ input: process.stdin })) {
    const request: Request = JSON.parse(line);
    let reply: object;
    try {
      reply = { answer: await answer(request) };
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${MARK}${JSON.stringify(reply)}\n`);
  }
}
