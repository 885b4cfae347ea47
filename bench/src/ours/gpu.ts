// Squall on the gpu, as a library to be timed.
import { type GpuDevice, gpuDevice } from "@squall/gpu";
import { findVulkanDriver, useVulkanDriver } from "../../../scripts/machine.ts";
import type { DeviceUsage } from "../child/protocol.ts";
import type { Player } from "../child/serve.ts";
import { prepareOn } from "./prepare.ts";

let opened: GpuDevice | undefined;
let usage: DeviceUsage | undefined;

async function open(): Promise<GpuDevice> {
  if (opened !== undefined) return opened;
  const driver = findVulkanDriver();
  if (driver !== undefined) useVulkanDriver(driver);
  opened = await gpuDevice();
  return opened;
}

/** Squall on the gpu. */
export const oursOnGpu: Player = {
  start: async () => {
    const device = await open();
    return { version: "squall, gpu", threads: 1, about: device.describe() };
  },
  prepare: async (task, arrays) => {
    const device = await open();
    const runner = prepareOn(device, task, arrays);
    return {
      run: async () => {
        const before = device.launches;
        await runner.run();
        usage = { launches: device.launches - before, bytes: device.memory().bytes ?? 0 };
      },
      outputs: () => runner.outputs(),
    };
  },
  deviceUsage: () => usage,
};
