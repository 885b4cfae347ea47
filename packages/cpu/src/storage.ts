import { type Device, DeviceError, type DType, dtypeOf, type FloatArray, type Storage } from "@squall/device";
import { cpu } from "./device.ts";
import type { Memory } from "./pool/memory.ts";

/** A typed array that the garbage collector owns. */
export class CpuStorage implements Storage {
  /** The elements. Kernels that write here increment {@link CpuStorage.version}. */
  readonly data: FloatArray;
  /** How often it was written in place. */
  version = 0;

  constructor(data: FloatArray) {
    this.data = data;
  }

  /** Always the cpu. */
  get device(): Device {
    return cpu;
  }

  /** Element type. */
  get dtype(): DType {
    return dtypeOf(this.data);
  }

  /** Number of elements. */
  get length(): number {
    return this.data.length;
  }
}

/**
 * A storage as the cpu's own, for kernels that write in place.
 * @throws DeviceError if it belongs to another device.
 */
export function own(op: string, storage: Storage): CpuStorage {
  if (storage instanceof CpuStorage) return storage;
  const got = storage.device.name;
  throw new DeviceError(op, `expected a cpu tensor but got one on ${got}; move it with to(...)`, {
    expected: "cpu",
    got,
  });
}

/**
 * The elements of a storage. Every kernel comes to its operands this way.
 * @throws DeviceError if it belongs to another device.
 */
export function arrayOf(op: string, storage: Storage): FloatArray {
  return own(op, storage).data;
}

/** Most bytes of arrays that wait to be used again. */
const waitingLimit = 512 << 20;
const waiting: Float32Array[] = [];

/**
 * Storage of a kernel's own, never seen by people: what it takes serves again when it is disposed. Fresh memory of many megabytes costs
 * more time to be touched than to be written, and what lies in the threads' memory need not be copied.
 */
export class ReusableStorage extends CpuStorage {
  /** Where it lies in the memory that emitted kernels work in; `undefined` for an array of its own. */
  readonly loan: { readonly memory: Memory; readonly address: number } | undefined;
  private taken = true;

  private constructor(data: Float32Array, loan?: { readonly memory: Memory; readonly address: number }) {
    super(data);
    this.loan = loan;
    if (loan !== undefined) forgotten.register(this, loan, this);
  }

  /** A storage of `length` float32 elements with any values, in an array of its own. */
  static ofLength(length: number): ReusableStorage {
    const at = waiting.findIndex((array) => array.length === length);
    return new ReusableStorage(at < 0 ? new Float32Array(length) : waiting.splice(at, 1)[0]);
  }

  /** A storage of `length` float32 elements with any values, in the memory, or `undefined` if that lends no more. */
  static inMemory(memory: Memory, length: number): ReusableStorage | undefined {
    const address = memory.lend(4 * length);
    if (address === undefined) return undefined;
    return new ReusableStorage(memory.floats.subarray(address / 4, address / 4 + length), { memory, address });
  }

  /** Gives back what it takes. It must not be used any more. */
  dispose(): void {
    const { data, loan } = this;
    if (!this.taken || !(data instanceof Float32Array)) return;
    this.taken = false;
    if (loan !== undefined) {
      forgotten.unregister(this);
      loan.memory.giveBack(loan.address);
      return;
    }
    waiting.push(data);
    let bytes = waiting.reduce((sum, array) => sum + array.byteLength, 0);
    while (bytes > waitingLimit) bytes -= waiting.shift()?.byteLength ?? bytes;
  }
}

/** Those that were never disposed: nobody went backward through them. */
const forgotten = new FinalizationRegistry<{ readonly memory: Memory; readonly address: number }>(
  ({ memory, address }) => {
    memory.giveBack(address);
  },
);
