/**
 * Squall on the GPU, through gpu.js: WebGPU in browsers and in Node, WebGL2 in browsers.
 * @packageDocumentation
 */
export { type GpuDevice, type GpuMode, type GpuOptions, gpuDevice } from "./device.ts";
