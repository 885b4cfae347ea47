// What computes: the CPU, or the GPU if it is asked for.

import { cpu } from "@squall/cpu";
import type { Device } from "@squall/tensor";
import type { DeviceName } from "./presets.ts";

/**
 * Opens a device. Nothing of the GPU's is loaded unless it is asked for.
 *
 * @throws DeviceError if there is no such device in this machine
 */
export async function openDevice(name: DeviceName): Promise<Device> {
  if (name === "cpu") return cpu;
  const { gpuDevice } = await import("@squall/gpu");
  return gpuDevice();
}
