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
