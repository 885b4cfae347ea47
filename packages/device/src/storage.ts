import type { Device } from "./device.ts";
import type { DType } from "./dtype.ts";

/**
 * A run of elements on a device. What is inside belongs to the device; the rest of the library passes it around.
 * Shape is not its business: that is a tensor's.
 */
export interface Storage {
  /** The device that made it and alone can compute with it. */
  readonly device: Device;
  /** Element type. */
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
  /** How often it was written in place since it was made; autograd uses it to refuse values that changed after they were saved. */
  readonly version: number;
}
