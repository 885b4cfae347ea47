// One process with one task loaded, and rounds over several of them.
import { cpus } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { Child, type Launch } from "./child/child.ts";
import type { DeviceUsage, Hello, Usage } from "./child/protocol.ts";
import { type Effort, median, planFor, schedule } from "./statistics.ts";
import type { Task } from "./tasks/task.ts";

/** Who is to be timed. */
export interface Entrant {
  readonly launch: Launch;
  readonly threads: number;
  readonly turbo: boolean;
  /** Whether it compiles during its first run, so that this says nothing about the others. Default false. */
  readonly compiles?: boolean;
}

/** What came out for one entrant. */
export interface Measured extends Hello {
  readonly name: string;
  /** Milliseconds. */
  readonly median: number;
  /** Milliseconds. */
  readonly min: number;
  /** Number of runs that count. */
  readonly runs: number;
  /** Milliseconds of each; not kept in the saved results. */
  readonly times?: readonly number[];
  /** Peak resident memory in MiB. */
  readonly peak: number;
  /** Largest difference from Squall's results on the cpu, as a share of the largest value; 0 for these. */
  readonly apart: number;
  /** What a run needs of the device; only if that is not the processor. */
  readonly device?: DeviceUsage;
}

/** A run longer than this is warm by itself. */
const LONG = 3000;

/** A process with a task loaded and checked. */
export class Lane {
  private readonly child: Child;
  private hello: Hello | undefined;
  private readonly times: number[] = [];
  /** What one run takes, in milliseconds. */
  private estimate = 0;
  /** Largest difference from what it has to agree with. */
  apart = 0;

  /** Starts the process. */
  constructor({ launch }: Entrant) {
    this.child = new Child(launch);
  }

  /**
   * Loads a task and runs it once.
   * @param inputs - folder of its inputs
   * @param outputs - folder that the results are written to
   * @throws Error if the process cannot
   */
  async open(task: Task, { threads, turbo, compiles }: Entrant, inputs: string, outputs: string): Promise<void> {
    this.hello = await this.child.ask({ command: "start", settings: { threads, turbo } });
    await this.child.ask({ command: "prepare", task, folder: inputs });
    [this.estimate] = (await this.child.ask({ command: "check", folder: outputs })).times;
    if (compiles === true) [this.estimate] = (await this.child.ask({ command: "run", repeat: 1 })).times;
  }

  /** Runs before the first that counts. */
  async warmUp(effort: Effort): Promise<void> {
    let spent = 0;
    while (this.estimate <= LONG && spent < effort.warmUp) {
      [this.estimate] = (await this.child.ask({ command: "run", repeat: 1 })).times;
      spent += this.estimate;
    }
  }

  /** How often it wants to be measured. */
  plan(effort: Effort): { readonly rounds: number; readonly repeat: number } {
    return planFor(this.estimate, effort);
  }

  /** Runs that count. */
  async run(repeat: number): Promise<void> {
    this.times.push(...(await this.child.ask({ command: "run", repeat })).times);
  }

  /** What the process has used so far. */
  usage(): Promise<Usage> {
    return this.child.ask({ command: "usage" });
  }

  /** What came out. @throws Error if the process was not opened */
  async results(): Promise<Measured> {
    if (this.hello === undefined) throw new Error(`${this.child.name} was not opened`);
    const { peak, about = this.hello.about, device } = await this.usage();
    const { times, apart } = this;
    const numbers = { median: median(times), min: Math.min(...times), runs: times.length };
    const more = device === undefined ? {} : { device };
    return { name: this.child.name, ...this.hello, about, ...numbers, times, peak, apart, ...more };
  }

  /** Ends the process. */
  close(): Promise<void> {
    return this.child.stop();
  }
}

/** Processor time of the whole machine that was not idle, and of `lanes` and this process, in milliseconds. */
async function processorTimes(lanes: readonly Lane[]): Promise<{ readonly all: number; readonly own: number }> {
  const { user, system } = process.cpuUsage();
  let own = (user + system) / 1000;
  for (const lane of lanes) own += (await lane.usage()).cpu;
  let all = 0;
  for (const { times } of cpus()) all += times.user + times.nice + times.sys + times.irq;
  return { all, own };
}

/**
 * Measures lanes in turn, the slow ones in fewer rounds.
 * @returns how many processors other programs kept busy meanwhile: above 0.1 the times are not worth much
 */
export async function runRounds(lanes: readonly Lane[], effort: Effort): Promise<number> {
  const before = await processorTimes(lanes);
  const start = performance.now();
  const plans = lanes.map((lane) => lane.plan(effort));
  for (const round of schedule(plans.map(({ rounds }) => rounds))) {
    for (const number of round) {
      await lanes[number].run(plans[number].repeat);
      // Threads of the one may still be looking for work when the next begins.
      await pause(5);
    }
  }
  const after = await processorTimes(lanes);
  const others = after.all - before.all - (after.own - before.own);
  return Math.max(0, others / (performance.now() - start));
}
