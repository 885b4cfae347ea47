/**
 * The default device: plain typed arrays owned by the garbage collector, and a plain loop for every kernel in both dtypes.
 * @packageDocumentation
 */
export { cpu } from "./device.ts";
export { CpuStorage } from "./storage.ts";
