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

/** Most bytes that may be lent beyond a kernel call. */
const lentLimit = 1 << 30;

/**
 * The one linear memory that emitted kernels work in: the pool's control words at the start, then what is lent beyond a kernel call, then
 * scratch that each call takes from the bottom and gives back whole. Shared between threads where the engine can.
 */
export class Memory {
  /** Imported by every emitted module as `env.memory`. */
  readonly memory: WebAssembly.Memory;
  /** Whether other threads can see it. */
  readonly shared: boolean;
  /** Where scratch begins. */
  private floor: number = controlBytes;
  private used: number = controlBytes;
  /** What is lent, in the order of addresses, and whether it is. */
  private readonly loans: { readonly address: number; readonly bytes: number; lent: boolean }[] = [];
  private floatView: Float32Array = new Float32Array(0);
  private intView: Int32Array = new Int32Array(0);

  constructor(shared: boolean) {
    this.shared = shared;
    this.memory = make(shared);
  }

  /** Everything that was allocated is free again. Kernels call it first. */
  reset(): void {
    this.used = this.floor;
  }

  /**
   * Room for `bytes` that stays beyond the kernel call, until {@link giveBack}. To be called right after {@link reset}.
   * @returns its address, or `undefined` if too much is lent already or the memory may move
   */
  lend(bytes: number): number | undefined {
    const size = Math.ceil(bytes / alignment) * alignment;
    const free = this.loans.find((loan) => !loan.lent && loan.bytes === size);
    if (free !== undefined) {
      free.lent = true;
      return free.address;
    }
    if (!this.shared || this.used !== this.floor || this.floor + size > lentLimit) return undefined;
    const address = this.allocate(size);
    this.loans.push({ address, bytes: size, lent: true });
    this.floor = this.used;
    return address;
  }

  /** Takes back what {@link lend} gave. */
  giveBack(address: number): void {
    const loan = this.loans.find((each) => each.address === address);
    if (loan !== undefined) loan.lent = false;
    for (let last = this.loans.at(-1); last !== undefined && !last.lent; last = this.loans.at(-1)) {
      this.floor = last.address;
      this.loans.pop();
    }
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
