import { maximumPages } from "../assembler/module.ts";

const pageBytes = 65536;
/** Every address that {@link Memory.allocate} gives is a multiple of this: a cache line. */
const alignment = 64;
/** Bytes at the start that belong to the pool. */
export const controlBytes: number = pageBytes;

/** A memory that may grow as far as the engine grants: it reserves addresses for all of a shared one at once. */
function make(shared: boolean): WebAssembly.Memory {
  for (let maximum = maximumPages; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory(shared ? { initial: 2, maximum, shared } : { initial: 2 });
    } catch (error) {
      if (!(error instanceof RangeError) || !shared || maximum <= 256) throw error;
    }
  }
}

/**
 * The one linear memory that emitted kernels work in: the pool's control words at the start, then scratch that each kernel call takes
 * from the bottom and gives back whole. Shared between threads where the engine can.
 */
export class Memory {
  /** Imported by every emitted module as `env.memory`. */
  readonly memory: WebAssembly.Memory;
  /** Whether other threads can see it. */
  readonly shared: boolean;
  private used: number = controlBytes;
  private floatView: Float32Array = new Float32Array(0);
  private intView: Int32Array = new Int32Array(0);

  constructor(shared: boolean) {
    this.shared = shared;
    this.memory = make(shared);
  }

  /** Everything that was allocated is free again. Kernels call it first. */
  reset(): void {
    this.used = controlBytes;
  }

  /** How far it is allocated: for {@link release}. */
  get mark(): number {
    return this.used;
  }

  /** Everything that was allocated since a mark is free again. */
  release(mark: number): void {
    this.used = mark;
  }

  /** How many bytes there are, used or not. It never shrinks. */
  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /**
   * Room for `bytes`, as a byte address.
   * @throws RangeError if the memory cannot grow that far
   */
  allocate(bytes: number): number {
    const address = this.used;
    this.used += Math.ceil(bytes / alignment) * alignment;
    const lacking = Math.ceil((this.used - this.bytes) / pageBytes);
    if (lacking > 0) this.memory.grow(lacking);
    return address;
  }

  /** The whole memory as floats; ask again after allocating, which may move it. */
  get floats(): Float32Array {
    const { buffer } = this.memory;
    if (this.floatView.buffer !== buffer) this.floatView = new Float32Array(buffer);
    return this.floatView;
  }

  /** The whole memory as 32-bit whole numbers; ask again after allocating. */
  get numbers(): Int32Array {
    const { buffer } = this.memory;
    if (this.intView.buffer !== buffer) this.intView = new Int32Array(buffer);
    return this.intView;
  }
}
