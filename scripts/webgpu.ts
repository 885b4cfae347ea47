// WebGPU in Node for tests, on whatever Vulkan driver there is.

import { type GpuDevice, gpuDevice } from "@squall/gpu";
import { findVulkanDriver, isRequired, useVulkanDriver } from "./machine.ts";

/** A device, or why there is none. */
export type WebGpu = { readonly device: GpuDevice; readonly driver: string } | { readonly missing: string };

/**
 * Opens WebGPU in Node.
 * @throws Error if SQUALL_REQUIRE says that it must be there and it is not
 */
export async function openWebGpu(): Promise<WebGpu> {
  const driver = findVulkanDriver();
  if (driver !== undefined) useVulkanDriver(driver);
  try {
    const device = await gpuDevice({ mode: "webgpu" });
    return { device, driver: driver?.name ?? "the system's" };
  } catch (error) {
    if (isRequired("webgpu")) throw error;
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}
