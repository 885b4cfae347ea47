import { type Device, DeviceError, type DType, dtypeOf, type FloatArray, type Storage } from "@squall/device";
import { cpu } from "./device.ts";

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
 * Storage of a kernel's own, never seen by people: when it is disposed, its array serves the next one of its length. Fresh memory of
 * many megabytes costs more time to be touched than to be written.
 */
export class ReusableStorage extends CpuStorage {
  private taken = true;

  /** A storage of `length` float32 elements with any values. */
  static ofLength(length: number): ReusableStorage {
    const at = waiting.findIndex((array) => array.length === length);
    return new ReusableStorage(at < 0 ? new Float32Array(length) : waiting.splice(at, 1)[0]);
  }

  /** Gives the array back. It must not be used any more. */
  dispose(): void {
    const { data } = this;
    if (!this.taken || !(data instanceof Float32Array)) return;
    this.taken = false;
    waiting.push(data);
    let bytes = waiting.reduce((sum, array) => sum + array.byteLength, 0);
    while (bytes > waitingLimit) bytes -= waiting.shift()?.byteLength ?? bytes;
  }
}
