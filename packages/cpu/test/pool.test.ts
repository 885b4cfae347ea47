// Jobs of small programs by any number of threads, and what happens when threads die.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker as NodeWorker } from "node:worker_threads";
import { DeviceError } from "@squall/device";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Code, Local } from "../src/assembler/code.ts";
import { Module } from "../src/assembler/module.ts";
import { getThreads, setThreads } from "../src/index.ts";
import { runAlone } from "../src/pool/alone.ts";
import { states, stateWords, words } from "../src/pool/control.ts";
import { Functions } from "../src/pool/functions.ts";
import type { HostTask, Job, Task } from "../src/pool/job.ts";
import { Memory } from "../src/pool/memory.ts";
import { leastWork, replacePool, runJob, setLeastWork, workMemory } from "../src/pool/pool.ts";
import { type Program, programOf } from "../src/pool/program.ts";
import { Team, WorkerDeath } from "../src/pool/team.ts";
import { describeThreads } from "../src/pool/threads.ts";

/** `value = value * 31 + what is on the stack`. */
function mixIn(code: Code, value: Local): void {
  const term = code.local("i32");
  code.set(term).get(value).number(31).op("i32.mul").get(term).op("i32.add").set(value);
}

/** Stores a whole number at an address. */
function storeNumber(code: Code, address: Local, value: Local): void {
  const vector = code.local("v128");
  code.get(value).op("i32x4.splat").set(vector).storeLane(address, 0, vector, 0);
}

/**
 * Task `index` mixes the results from `table[4 index]` to `table[4 index + 1]`, some rounds through the thread's scratch, and stores at
 * its own place. Parameters: addresses of the results and of the table.
 */
function mixer(module: Module): void {
  module.add("mix", 3, (code) => {
    const [parameters, index, scratch] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    const [results, row, at, end, value, rounds] = code.localList("i32", 6);
    code.loadNumber(parameters, 0).set(results);
    code.loadNumber(parameters, 4).get(index).number(16).op("i32.mul").op("i32.add").set(row);
    const address = (offset: number) => code.get(results).loadNumber(row, offset).number(4).op("i32.mul").op("i32.add");
    address(0).set(at);
    address(4).set(end);
    code.get(index).set(value);
    code.while(
      () => code.get(at).get(end).op("i32.lt_u"),
      () => {
        code.loadNumber(at, 0);
        mixIn(code, value);
        code.advance(at, 4);
      },
    );
    code.loadNumber(row, 8).set(rounds);
    storeNumber(code, scratch, value);
    code.countDown(rounds, () => {
      code.loadNumber(scratch, 0).set(value).get(rounds);
      mixIn(code, value);
      storeNumber(code, scratch, value);
    });
    code.get(results).get(index).number(4).op("i32.mul").op("i32.add").set(at);
    storeNumber(code, at, value);
  });
}

/** The calling thread's scratch follows the parameters, a cache line later. */
function unless(code: Code, same: "i32.eq" | "i32.ne", fail: () => void): void {
  const rounds = code.local("i32");
  code
    .number(100_000)
    .set(rounds)
    .countDown(rounds, () => {});
  code
    .get(code.parameter(0))
    .number(64)
    .op("i32.add")
    .get(code.parameter(2))
    .op(same)
    .if(() => {}, fail);
}

function programWith(shared: boolean): Program {
  return programOf("test mixer", shared, () => {
    const module = new Module();
    mixer(module);
    // Each goes wrong in only one of the threads, and takes some hundred microseconds in the others.
    module.add("trapCaller", 3, (code) =>
      unless(code, "i32.ne", () => code.number(1).number(0).op("i32.div_u").set(code.local("i32"))),
    );
    module.add("trapWorker", 3, (code) =>
      unless(code, "i32.eq", () => code.number(1).number(0).op("i32.div_u").set(code.local("i32"))),
    );
    module.add("hangWorker", 3, (code) =>
      unless(code, "i32.eq", () =>
        code.while(
          () => code.number(1),
          () => {},
        ),
      ),
    );
    return module;
  });
}

const program = programWith(true);
const unshared = programWith(false);

const [trapCaller, trapWorker, hangWorker] = [1, 2, 3];

/** A group of tasks that all wait for the whole of an earlier group, or for nothing. */
interface Group {
  readonly tasks: number;
  readonly earlier: number;
  readonly rounds: number;
  /** Whether the calling thread does it: before everything (for the first groups) or after. */
  readonly host: boolean;
}

const groups = fc.array(
  fc.record({ tasks: fc.integer({ min: 1, max: 6 }), earlier: fc.nat(20), rounds: fc.nat(3000), host: fc.boolean() }),
  { minLength: 1, maxLength: 20 },
);

/** A memory and what runs jobs in it. */
interface Place {
  readonly memory: Memory;
  run(job: Job): void;
}

/** What a graph computes at a place. Every number depends on all that it waits for. */
function compute(graph: readonly Group[], { memory, run }: Place): number[] {
  memory.reset();
  const leading = graph.findIndex(({ host }) => !host);
  const count = graph.reduce((sum, { tasks }) => sum + tasks, 0);
  const results = memory.allocate(4 * count);
  const table = memory.allocate(16 * count);
  memory.numbers.fill(-1, results / 4, results / 4 + count);
  const starts: number[] = [];
  const [before, tasks, after]: [HostTask[], Task[], HostTask[]] = [[], [], []];
  let next = 0;
  for (const [g, group] of graph.entries()) {
    starts.push(next);
    const leads = leading < 0 || g < leading;
    // Tasks cannot wait for what the calling thread does last.
    const earlier = g === 0 ? -1 : group.earlier % g;
    const waitFor = earlier >= 0 && (group.host || !graph[earlier].host || earlier < leading) ? earlier : -1;
    const [from, to] = waitFor < 0 ? [0, 0] : [starts[waitFor], starts[waitFor] + graph[waitFor].tasks];
    for (let k = 0; k < group.tasks; k++, next++) {
      const index = next;
      memory.numbers.set([from, to, 1 + group.rounds, 0], table / 4 + 4 * index);
      const needs = { waitFor, value: waitFor < 0 ? 0 : graph[waitFor].tasks, signal: g };
      const host = (): void => {
        const { numbers } = memory;
        let value = index;
        for (let i = from; i < to; i++) value = (Math.imul(value, 31) + numbers[results / 4 + i]) | 0;
        numbers[results / 4 + index] = value;
      };
      if (!group.host) tasks.push({ run: 0, index, ...needs });
      else if (leads) before.push({ ...needs, waitFor: -1, run: host });
      else after.push({ ...needs, run: host });
    }
  }
  const work = leastWork;
  run({ program, parameters: [results, table], counters: graph.length, tasks, before, after, threadBytes: 4, work });
  return [...memory.numbers.subarray(results / 4, results / 4 + count)];
}

const plain: Omit<Task, "run" | "index"> = { waitFor: -1, value: 0, signal: -1 };

/** A job of many equal tasks. */
function jobOf(run: number, tasks: number, more: Partial<Job> = {}): Job {
  const list = Array.from({ length: tasks }, (_, index): Task => ({ run, index, ...plain }));
  const empty = { parameters: [], counters: 0, before: [], after: [], threadBytes: 0 };
  return { program, tasks: list, work: leastWork, ...empty, ...more };
}

/** A job of tasks of some hundred microseconds. */
function busyJob(memory: Memory, tasks: number, more: Partial<Job> = {}): Job {
  memory.reset();
  const [results, table] = [memory.allocate(4 * tasks), memory.allocate(16 * tasks)];
  for (let i = 0; i < tasks; i++) memory.numbers.set([0, 0, 100_000, 0], table / 4 + 4 * i);
  return jobOf(0, tasks, { parameters: [results, table], threadBytes: 4, ...more });
}

/** A team whose workers have all taken part in a job. */
function readyTeam(memory: Memory, size: number, patience?: number): Team {
  const functions = new Functions(memory).of(program);
  const team = new Team(memory, size, patience);
  while (team.ready < size - 1 || memory.numbers[words.progress] === 0) team.run(busyJob(memory, 20), functions);
  return team;
}

const teams: Team[] = [];
function place(size: number): Place {
  const memory = new Memory(true);
  const functions = new Functions(memory).of(program);
  const team = readyTeam(memory, size);
  teams.push(team);
  return { memory, run: (job) => team.run(job, functions) };
}

/** Runs large jobs until workers take part, and says how many tasks of the last one they did. */
function wake(threads: number): void {
  setThreads(threads);
  const memory = workMemory();
  for (;;) {
    const start = memory.numbers[words.progress];
    runJob(busyJob(memory, 20));
    if (memory.numbers[words.progress] > start) return;
  }
}

setLeastWork(leastWork);

afterEach(() => {
  for (const team of teams.splice(0)) team.stop();
  replacePool();
  setThreads(2);
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("jobs", () => {
  it("compute the same by 1, 2 and 3 threads", () => {
    const alone = new Memory(false);
    const functions = new Functions(alone).of(unshared);
    const one: Place = { memory: alone, run: (job) => runAlone({ ...job, program: unshared }, alone, functions) };
    const places = [place(2), place(3)];
    fc.assert(
      fc.property(groups, (graph) => {
        const expected = compute(graph, one);
        for (const other of places) expect(compute(graph, other)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
    for (const { memory } of places) expect(memory.numbers[words.progress]).toBeGreaterThan(200);
  });

  it("are refused if they could never end", () => {
    const memory = workMemory();
    const stuck: Task = { run: 0, index: 0, waitFor: 0, value: 1, signal: 0 };
    for (const threads of [1, 2]) {
      setThreads(threads);
      expect(() => runJob(busyJob(memory, 2, { tasks: [stuck, stuck], counters: 1 }))).toThrow(
        "task 0 waits for 1 in counter 0, which can have 0",
      );
      expect(() => runJob(busyJob(memory, 2, { tasks: [stuck] }))).toThrow("task 0 names counter 0 of 0");
      expect(() => runJob(jobOf(7, 2))).toThrow("task 0 is function 7 of 4");
    }
  });

  it("let no small one wake a worker", () => {
    wake(2);
    const memory = workMemory();
    const generation = memory.numbers[words.generation];
    runJob(busyJob(memory, 50, { work: leastWork - 1 }));
    runJob(busyJob(memory, 1));
    expect(memory.numbers[words.generation]).toBe(generation);
  });

  it("use the same memory again and again", () => {
    wake(2);
    const memory = workMemory();
    runJob(busyJob(memory, 1000, { work: 0, threadBytes: 1000 }));
    const { bytes } = memory;
    const { mark } = memory;
    for (let i = 0; i < 300; i++) runJob(jobOf(hangWorker, 1, { threadBytes: 1000, counters: 5 }));
    expect(memory.mark).toBe(mark);
    for (let i = 0; i < 300; i++) runJob(busyJob(memory, 3, { threadBytes: 1000, counters: 5 }));
    expect([workMemory() === memory, memory.bytes]).toEqual([true, bytes]);
  });

  it("reach workers in a memory that has grown since they came", () => {
    wake(2);
    const memory = workMemory();
    for (let i = 1; i < 20; i++) {
      memory.reset();
      memory.allocate(i * 1_000_000);
      const [results, table] = [memory.allocate(80), memory.allocate(320)];
      for (let k = 0; k < 20; k++) memory.numbers.set([0, 0, 3000, 0], table / 4 + 4 * k);
      runJob(jobOf(0, 20, { parameters: [results, table], threadBytes: 4 }));
      expect(new Set(memory.numbers.subarray(results / 4, results / 4 + 20)).size).toBe(20);
    }
  });
});

describe("the memory", () => {
  it("takes a smaller room for growth where the engine refuses the largest", () => {
    const asked: (number | undefined)[] = [];
    const Original = WebAssembly.Memory;
    const limited = class extends Original {
      constructor(descriptor: WebAssembly.MemoryDescriptor) {
        asked.push(descriptor.maximum);
        if ((descriptor.maximum ?? 0) > 20_000) throw new RangeError("could not allocate memory");
        super(descriptor);
      }
    };
    vi.stubGlobal("WebAssembly", { ...WebAssembly, Memory: limited });
    const memory = new Memory(true);
    expect(asked).toEqual([65536, 32768, 16384]);
    expect(memory.allocate(10_000_000) + 10_000_000).toBeLessThanOrEqual(memory.bytes);
  });

  it("gives no more than it can", () => {
    const memory = new Memory(true);
    expect(() => memory.allocate(2 ** 32)).toThrow(RangeError);
  });
});

describe("setThreads", () => {
  it("is told back, and described", () => {
    setThreads(3);
    expect([getThreads(), describeThreads()]).toEqual([3, "3 threads"]);
    setThreads(1);
    expect([getThreads(), describeThreads()]).toEqual([1, "1 thread, as set"]);
  });

  it("refuses what is no number of threads", () => {
    for (const bad of [0, -1, 1.5, Number.NaN, 257]) {
      expect(() => setThreads(bad)).toThrow(
        `setThreads: the number of threads is a whole number from 1 to 256, not ${bad}; getThreads() tells the present one`,
      );
    }
  });

  it("starts and stops workers at the next job, in the same memory", () => {
    wake(2);
    const memory = workMemory();
    const { numbers } = memory;
    const epoch = numbers[words.epoch];
    setThreads(1);
    expect(numbers[words.epoch]).toBe(epoch);
    runJob(busyJob(memory, 20));
    expect(numbers[words.epoch]).toBe(epoch + 1);
    const done = numbers[words.progress];
    runJob(busyJob(memory, 20));
    expect(numbers[words.progress]).toBe(done);
    wake(3);
    expect(workMemory() === memory).toBe(true);
    expect(memory.numbers[words.progress]).toBeGreaterThan(done);
  });
});

/** On a loaded machine a thread may come too late for some jobs. */
function often(act: () => void): void {
  for (let i = 0; i < 1000; i++) act();
}

/** Makes Node's workers known to the test, or other than they are. */
function workersBecome(Worker: new (text: string, options: object) => unknown): void {
  const original = process.getBuiltinModule;
  vi.spyOn(process, "getBuiltinModule").mockImplementation((name: string) =>
    name === "node:worker_threads" ? { Worker } : original(name),
  );
}

describe("a thread that fails", () => {
  it.each([1, 2])("is an error of the operation if it is the calling one of %i", (threads) => {
    if (threads > 1) wake(threads);
    setThreads(threads);
    const memory = workMemory();
    const act = (): void => often(() => runJob(jobOf(trapCaller, 50, { op: "conv2d", threadBytes: 4 })));
    expect(act).toThrow(DeviceError);
    expect(act).toThrow(
      /^conv2d: the calling thread failed at trapCaller \d+ \(divide by zero\); the operation has no result, and the next one works$/,
    );
    runJob(busyJob(memory, 20));
    expect(workMemory() === memory).toBe(true);
  });

  it.each([1, 2])("hands on what host tasks throw, with %i threads", (threads) => {
    if (threads > 1) wake(threads);
    setThreads(threads);
    const memory = workMemory();
    const bad: HostTask = {
      ...plain,
      run: () => {
        throw new RangeError("too far");
      },
    };
    // The tasks wait for what never comes.
    const waiting = Array.from({ length: 9 }, (_, index): Task => ({ run: 0, index, ...plain, waitFor: 0, value: 1 }));
    const job = busyJob(memory, 9, { tasks: waiting, counters: 1, before: [{ ...bad, signal: 0 }] });
    expect(() => runJob(job)).toThrow(new RangeError("too far"));
    expect(() => runJob(busyJob(memory, 9, { after: [bad] }))).toThrow(new RangeError("too far"));
    runJob(busyJob(memory, 20));
    expect(workMemory() === memory).toBe(true);
  });

  it("is an error of the operation if it is a worker, and is replaced with its memory", () => {
    for (const threads of [2, 3]) {
      wake(threads);
      const memory = workMemory();
      const job = jobOf(trapWorker, 50, { threadBytes: 4 });
      expect(() => often(() => runJob(job))).toThrow(
        new RegExp(
          `^trapWorker: worker \\d of ${threads - 1} died \\(divide by zero\\); the operation has no result, the next one starts new workers$`,
        ),
      );
      expect(workMemory() === memory).toBe(false);
      wake(threads);
    }
  });

  it("is noticed if it makes no progress", () => {
    const memory = new Memory(true);
    const team = readyTeam(memory, 2, 200);
    const functions = new Functions(memory).of(program);
    const act = (): void => often(() => team.run(jobOf(hangWorker, 50, { threadBytes: 4 }), functions));
    try {
      expect(act).toThrow(new WorkerDeath(1, "no progress for 200 ms"));
    } finally {
      team.terminate();
    }
  });

  it("is an error of the next large operation if it ends between two", async () => {
    const made: NodeWorker[] = [];
    workersBecome(
      class extends NodeWorker {
        constructor(text: string, options: object) {
          super(text, options);
          made.push(this);
        }
      },
    );
    wake(3);
    const memory = workMemory();
    await vi.waitFor(() => expect(memory.numbers[words.states + 2 * stateWords]).toBe(states.ready));
    expect(made).toHaveLength(2);
    await made[1].terminate();
    runJob(busyJob(memory, 20, { work: 1 }));
    expect(() => runJob(busyJob(memory, 20, { op: "matmul" }))).toThrow(
      "matmul: worker 2 of 2 died (it exited with code 1); the operation has no result, the next one starts new workers",
    );
    wake(3);
    expect(made).toHaveLength(4);
  });
});

describe("where workers", () => {
  /** The pool as a fresh process has it. */
  async function fresh() {
    vi.resetModules();
    return {
      ...(await import("../src/pool/pool.ts")),
      ...(await import("../src/pool/threads.ts")),
      ...(await import("../src/pool/program.ts")),
    };
  }
  const expected = (): number[] => {
    const memory = new Memory(false);
    const job = { ...busyJob(memory, 20), program: unshared };
    runAlone(job, memory, new Functions(memory).of(unshared));
    return resultsOf(memory, job);
  };
  const resultsOf = ({ numbers }: Memory, { parameters }: Job): number[] => [
    ...numbers.subarray(parameters[0] / 4, parameters[0] / 4 + 20),
  ];

  it("are forbidden, there is one thread", async () => {
    workersBecome(
      class {
        constructor() {
          throw new Error("no permission");
        }
      },
    );
    const found = await fresh();
    found.setThreads(3);
    const memory = found.workMemory();
    for (let i = 0; i < 2; i++) {
      const job = busyJob(memory, 20);
      found.runJob(job);
      expect(resultsOf(memory, job)).toEqual(expected());
    }
    expect([found.getThreads(), found.describeThreads()]).toEqual([1, "1 thread: workers refused (no permission)"]);
  });

  it("never come up, there is one thread", async () => {
    workersBecome(
      class extends NodeWorker {
        constructor(_text: string, options: object) {
          super("throw new Error('blocked')", options);
        }
      },
    );
    const found = await fresh();
    found.setThreads(2);
    const memory = found.workMemory();
    found.runJob(busyJob(memory, 20));
    await vi.waitFor(() => {
      found.runJob(busyJob(memory, 20));
      expect(found.describeThreads()).toBe("1 thread: workers refused (blocked)");
    });
  });

  it("cannot share memory, there is one thread", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    const found = await fresh();
    found.setThreads(2);
    const memory = found.workMemory();
    const job = { ...busyJob(memory, 20), program: unshared };
    found.runJob(job);
    expect(resultsOf(memory, job)).toEqual(expected());
    expect([memory.shared, found.describeThreads()]).toEqual([false, "1 thread: no shared memory"]);
  });

  it("are a page's, they start from a Blob", async () => {
    const { resolveObjectURL } = await import("node:buffer");
    const made: { name: string }[] = [];
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    vi.stubGlobal(
      "Worker",
      class {
        private readonly worker: Promise<NodeWorker>;
        private readonly text = async (url: string) => (await resolveObjectURL(url)?.text()) ?? "";
        constructor(url: string, options: { name: string }) {
          made.push(options);
          // A page's worker has no process, gets its start posted and closes itself.
          const page = `const port = require("node:worker_threads").parentPort;
            globalThis.process = undefined;
            globalThis.close = () => port.close();
            port.on("message", (data) => globalThis.onmessage({ data }));`;
          this.worker = this.text(url).then((text) => new NodeWorker(`${page}\n${text}`, { eval: true }));
        }
        postMessage(data: unknown): void {
          this.worker.then((worker) => worker.postMessage(data));
        }
        terminate(): void {
          this.worker.then((worker) => worker.terminate());
        }
      },
    );
    const found = await fresh();
    found.setThreads(2);
    const memory = found.workMemory();
    await vi.waitFor(
      () => {
        const job = busyJob(memory, 20);
        found.runJob(job);
        expect(resultsOf(memory, job)).toEqual(expected());
        expect(memory.numbers[words.progress]).toBeGreaterThan(0);
      },
      { timeout: 10_000 },
    );
    expect(made).toEqual([{ name: "squall 1" }]);
    found.setThreads(1);
    found.runJob(busyJob(memory, 20));
  });

  it("run, they keep no process alive", () => {
    const script = `
      import { Team } from "./packages/cpu/src/pool/team.ts";
      import { Memory } from "./packages/cpu/src/pool/memory.ts";
      const team = new Team(new Memory(true), 3);
      const end = Date.now() + 60000;
      while (team.ready < 2 && Date.now() < end) await new Promise((done) => setTimeout(done, 5));
      console.log(team.ready);
    `;
    const { stdout, status } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      encoding: "utf8",
      timeout: 100_000,
    });
    expect([stdout, status]).toEqual(["2\n", 0]);
  });
});
