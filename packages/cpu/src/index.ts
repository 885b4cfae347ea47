/**
 * The default device: plain typed arrays owned by the garbage collector. Loops for every kernel in both dtypes, and WebAssembly SIMD for
 * float32 where the machine has it.
 * @packageDocumentation
 */
export { cpu } from "./device.ts";
export { getThreads, setThreads } from "./pool/threads.ts";
export { type ConvAlgorithm, type KernelPath, setConvAlgorithm, setKernelPath } from "./settings.ts";
export { CpuStorage } from "./storage.ts";
export { enableTurbo, type TurboResult } from "./turbo.ts";
