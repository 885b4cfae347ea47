import type { KernelSource } from "../src/emit/source.ts";
import type { Engine, EngineBuffer } from "../src/engine/engine.ts";

/** Numbers on the host, behind the contract of engines. */
class FakeBuffer implements EngineBuffer {
  readonly length: number;
  isFree = false;

  constructor(length: number) {
    this.length = length;
  }
}

/** An engine that computes nothing, notes everything and fails on demand. */
export interface FakeEngine extends Engine {
  /** What it was asked to do. */
  readonly log: string[];
  /** Buffers that were made and not freed. */
  readonly live: () => number;
  /** Makes the next compiled kernel fail when it first runs. */
  failNext: string | undefined;
  /** Why it is gone. */
  lost: string | undefined;
  /** Makes first runs wait, as compiling does, until it is called. */
  readonly compileAll: () => void;
}

/** @param isSlow - whether the first run of each kernel waits for `compileAll` */
export function fakeEngine(isSlow = false): FakeEngine {
  const buffers = new Set<FakeBuffer>();
  const waiting: (() => void)[] = [];
  const log: string[] = [];
  let kernels = 0;
  const make = (length: number): FakeBuffer => {
    const buffer = new FakeBuffer(length);
    buffers.add(buffer);
    return buffer;
  };
  const use = (buffer: EngineBuffer): void => {
    if (!(buffer instanceof FakeBuffer) || buffer.isFree) throw new Error("used a buffer that is free");
  };
  const engine: FakeEngine = {
    mode: "webasm",
    description: "a fake",
    maxLength: 1000,
    target: { maxLanes: 4, flat: false },
    maxInputs: 7,
    pooledBytes: 0,
    lost: undefined,
    failNext: undefined,
    log,
    live: () => buffers.size,
    compileAll: () => {
      for (const done of waiting.splice(0)) done();
    },
    compile: (source: KernelSource) => {
      const name = `kernel ${kernels++}`;
      const failure = engine.failNext;
      engine.failNext = undefined;
      let isBuilt = !isSlow;
      log.push(`compile ${name}`);
      const length = source.threads.reduce((all, size) => all * size, source.lanes);
      const run = (): FakeBuffer => {
        log.push(`run ${name}`);
        return make(length);
      };
      return {
        run: (inputs) => {
          for (const input of inputs) use(input);
          if (failure !== undefined) throw new Error(failure);
          if (isBuilt) return run();
          isBuilt = true;
          return new Promise((resolve) => waiting.push(() => resolve(run())));
        },
        destroy: () => {
          log.push(`destroy ${name}`);
        },
      };
    },
    upload: (data) => make(data.length),
    read: async (buffer) => {
      use(buffer);
      return new Float32Array(buffer.length);
    },
    free: (buffer) => {
      use(buffer);
      if (buffer instanceof FakeBuffer) {
        buffer.isFree = true;
        buffers.delete(buffer);
      }
    },
    finish: async () => {
      log.push("finish");
    },
  };
  return engine;
}
