import { type Device, DeviceError } from "@squall/device";
import { GPU } from "gpu.js";

/** What kernels are run by. */
export type GpuMode = "webgpu" | "webgl2";

/** Options of {@link gpuDevice}. */
export interface GpuOptions {
  /** Take this one or none. Default: WebGPU if an adapter answers, else, in a browser, WebGL2. */
  readonly mode?: GpuMode;
}

/** A GPU as a device. */
export interface GpuDevice extends Device {
  /** What kernels are run by. */
  readonly mode: GpuMode;
}

/** The GPU. @throws DeviceError if there is none */
export async function gpuDevice(options: GpuOptions = {}): Promise<GpuDevice> {
  throw new DeviceError(
    "gpuDevice",
    `no kernels for ${options.mode ?? "any mode"} yet (WebGPU: ${GPU.isWebGPUSupported})`,
  );
}
