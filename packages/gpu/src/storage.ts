import { type Device, DeviceError, type DType, type Storage } from "@squall/device";
import type { EngineBuffer } from "./engine/engine.ts";

/**
 * What a storage stands for. Apart from the storage itself, so that work under way and the safety net for storages that nobody holds
 * any more can keep it.
 */
export interface Cell {
  /** Its elements, once the work that makes them was given to the GPU; `undefined` before, and for no elements at all. */
  buffer: EngineBuffer | undefined;
  /** Why there are no elements: an operation failed. Whatever is computed from it fails with the same error. */
  error: DeviceError | undefined;
  /** Whether it was given back. */
  disposed: boolean;
  /** Number of elements. */
  readonly length: number;
}

/** Elements on the GPU, or on their way there. */
export class GpuStorage implements Storage {
  readonly device: Device;
  readonly length: number;
  /** How often it was written in place. */
  version = 0;
  /** The elements. @internal */
  readonly cell: Cell;

  constructor(device: Device, length: number) {
    this.device = device;
    this.length = length;
    this.cell = { buffer: undefined, error: undefined, disposed: false, length };
  }

  /** Always float32. */
  get dtype(): DType {
    return "float32";
  }
}

/**
 * A storage as this device's own. Every kernel comes to its operands this way.
 * @throws DeviceError if it belongs to another device, or was disposed
 */
export function own(op: string, device: Device, storage: Storage): GpuStorage {
  if (!(storage instanceof GpuStorage) || storage.device !== device) {
    const got = storage.device.name === device.name ? `another ${device.name}` : storage.device.name;
    throw new DeviceError(op, `expected a ${device.name} tensor but got one on ${got}; move it with to(...)`, {
      expected: device.name,
      got,
    });
  }
  if (storage.cell.disposed) {
    throw new DeviceError(
      op,
      "a tensor was used after it was disposed: by dispose(), using, zeroGrad, or the end of the scope that made it; return it from the scope, keep(...) it, or clone it before",
    );
  }
  return storage;
}
