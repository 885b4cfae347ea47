import type { Device, DType } from "@squall/device";
import type { Generator } from "@squall/tensor";
import type { Names } from "../optionNames.ts";

/** Options that every layer with parameters takes. */
export interface ModuleOptions {
  /** Element type of the parameters. Default `float32`. */
  readonly dtype?: DType;
  /** Where the parameters live. Default: the CPU. */
  readonly device?: Device;
  /** Where initial values (and random masks) come from. Default: the default generator, see `manualSeed`. */
  readonly generator?: Generator;
}

/** Names of {@link ModuleOptions}. */
export const moduleNames: Names<ModuleOptions> = { dtype: true, device: true, generator: true };

/** The part of {@link ModuleOptions} that says how tensors are made, without what is undefined. */
export function creation({ dtype, device }: ModuleOptions): { dtype?: DType; device?: Device } {
  return { ...(dtype !== undefined && { dtype }), ...(device !== undefined && { device }) };
}
