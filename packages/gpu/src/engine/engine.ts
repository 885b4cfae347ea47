import type { KernelSource, KernelTarget } from "../emit/source.ts";

/** What runs kernels. `webasm` is gpu.js's WebAssembly mode: the same sources on the CPU, for tests alone. */
export type EngineMode = "webgpu" | "webgl2" | "webasm";

/** Elements that an engine holds; what is inside is its own. */
export interface EngineBuffer {
  /** Number of elements, at least 1. */
  readonly length: number;
}

/** A compiled kernel. */
export interface Program {
  /**
   * Runs it. Work is done in the order of calls.
   * @returns its result; later if it is still being compiled. No second call may be made meanwhile.
   */
  run(inputs: readonly EngineBuffer[], scalars: readonly number[]): EngineBuffer | Promise<EngineBuffer>;
  /** Frees what was compiled. */
  destroy(): void;
}

/** A way to run kernels: the only thing that knows gpu.js. Lengths are never 0. */
export interface Engine {
  /** What it runs on. */
  readonly mode: EngineMode;
  /** Adapter and limits, for people. */
  readonly description: string;
  /** Most elements in one buffer. */
  readonly maxLength: number;
  /** What sources must keep to. */
  readonly target: KernelTarget;
  /** Most arrays that a kernel may read. */
  readonly maxInputs: number;
  /** Why it can do nothing any more, once that is so. */
  readonly lost: string | undefined;
  /** Prepares a kernel. */
  compile(source: KernelSource): Program;
  /** Copies from the host. */
  upload(data: Float32Array): EngineBuffer | Promise<EngineBuffer>;
  /** Zeros; engines without it have a kernel make them. */
  zeros?(length: number): EngineBuffer;
  /** Copies a run of elements in place, between two buffers; engines without it make a new target by a kernel. */
  copyRun?(
    source: EngineBuffer,
    sourceOffset: number,
    target: EngineBuffer,
    targetOffset: number,
    length: number,
  ): void;
  /** Copies to the host when all work before is done. */
  read(buffer: EngineBuffer): Promise<Float32Array>;
  /** Takes a buffer back. */
  free(buffer: EngineBuffer): void;
  /** Resolves when all work so far is done. @throws Error if something went wrong in it */
  finish(): Promise<void>;
  /** Bytes of buffers that wait to be used again. */
  readonly pooledBytes: number;
}
