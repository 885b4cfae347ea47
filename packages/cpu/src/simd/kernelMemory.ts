import type { Module } from "../assembler/module.ts";
import { type Features, features } from "../features.ts";

/** Floats of one {@link slot}: few enough for some of them to stay in the nearest caches. */
export const slotFloats = 4096;
/** How many slots there are. */
export const slotCount = 24;
/** Most numbers that stand for all elements of a block. */
export const uniformCount = 64;

const floatBytes = 4;
const pageBytes = 65536;
/** Slots do not start at the same place modulo 4096, where caches would hold only a few of them at once. */
const slotStride: number = floatBytes * (slotFloats + 80);
const uniformBytes: number = floatBytes * uniformCount;

/** A compiled kernel over the private memory. */
export type Kernel = (a: number, b: number) => void;

/** First byte of a slot. */
export function slotPlace(index: number): number {
  return uniformBytes + index * slotStride;
}

/**
 * Memory for kernels that the calling thread runs by itself, block by block: some numbers that stand for all elements, then slots for blocks
 * of operands. It never grows, so that views of it stay valid, and it is not shared, because copies to and from shared memory are slower.
 */
export class KernelMemory {
  /** What kernels are compiled for. */
  readonly features: Features;
  /** Numbers that stand for all elements of a block, from byte 0. */
  readonly uniforms: Float32Array;
  /** Blocks of operands. */
  readonly slots: readonly Float32Array[];
  /** The same, as doubles: each reaches into the slot behind it. */
  readonly doubleSlots: readonly Float64Array[];
  private readonly memory: WebAssembly.Memory;
  private readonly kernels = new Map<string, Kernel>();

  constructor(found: Features) {
    this.features = found;
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(slotPlace(slotCount) / pageBytes) });
    const { buffer } = this.memory;
    this.uniforms = new Float32Array(buffer, 0, uniformCount);
    this.slots = Array.from({ length: slotCount }, (_, k) => new Float32Array(buffer, slotPlace(k), slotFloats));
    this.doubleSlots = this.slots
      .slice(1)
      .map(({ byteOffset }) => new Float64Array(buffer, byteOffset - slotStride, slotFloats));
  }

  /** Compiles the function `run` of a module. */
  compile(module: Module): Kernel {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes(false)), {
      env: { memory: this.memory },
    });
    const { run } = instance.exports;
    if (typeof run !== "function") throw new TypeError("the kernel exports no function");
    return (a, b) => {
      run(a, b);
    };
  }

  /** The function `run` of a module of which there are only a few, compiled when it is first asked for under its key. */
  kernel(key: string, emit: () => Module): Kernel {
    let known = this.kernels.get(key);
    if (known === undefined) {
      known = this.compile(emit());
      this.kernels.set(key, known);
    }
    return known;
  }
}

let found: KernelMemory | undefined;

/** The memory, made at the first call, and again after the engine's features changed, so that kernels are compiled for what there is. */
export function kernelMemory(): KernelMemory {
  if (found?.features !== features()) found = new KernelMemory(features());
  return found;
}
