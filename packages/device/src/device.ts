import type { DType, FloatArray } from "./dtype.ts";
import type { Kernels } from "./kernels.ts";
import type { Storage } from "./storage.ts";

/** Live memory of a device. */
export interface DeviceMemory {
  /** Bytes held by storages that have not been disposed; `undefined` where the garbage collector owns them and nobody counts. */
  readonly bytes: number | undefined;
  /** Number of such storages, or `undefined` likewise. */
  readonly storages: number | undefined;
}

/** Where tensors live and kernels run. Implementations are plain objects; `deviceConformance` of `@squall/testing` checks them. */
export interface Device {
  /** Short name for messages: `cpu`, `gpu`. */
  readonly name: string;
  /** The closed list of kernels. */
  readonly kernels: Kernels;
  /** Element types that the device can hold and compute with. */
  readonly dtypes: readonly DType[];
  /** Whether {@link Device.readSync} answers; if not, only {@link Device.read} does. */
  readonly canReadSync: boolean;
  /** Copies a host array to the device. */
  upload(data: FloatArray): Storage;
  /** Copies a storage to the host once all work queued before is done, also if the storage is disposed meanwhile. */
  read(storage: Storage): Promise<FloatArray>;
  /**
   * Copies a storage to the host at once.
   * @throws DeviceError on devices that can only answer later.
   */
  readSync(storage: Storage): FloatArray;
  /**
   * Frees a storage now. A no-op where the garbage collector owns it, and for one that is disposed already. Work and reads queued before
   * still see its elements. Where storages count ({@link Device.memory}), kernels and reads refuse it from now on with a DeviceError.
   */
  dispose(storage: Storage): void;
  /** Resolves when all work queued so far is done: for timing, and so that a queue does not grow without bound. */
  sync(): Promise<void>;
  /** Live memory. A device that counts also tells `trackStorage` of each storage that it makes. */
  memory(): DeviceMemory;
  /** What the device really runs on, for people. */
  describe(): string;
}
