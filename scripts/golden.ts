// The command `pnpm golden [DIR] [--device cpu|gpu] [--path NAME]`: compares with golden fixtures, on a device, by a path of the cpu.
import { parseArgs } from "node:util";
import { cpu } from "@squall/cpu";
import type { Device } from "@squall/device";
import { gpuDevice } from "@squall/gpu";
import { runGoldenFolder } from "@squall/testing/node";
import { forcePath } from "./forcePath.ts";
import { findVulkanDriver, useVulkanDriver } from "./machine.ts";

async function openDevice(name: string): Promise<Device> {
  if (name === "cpu") return cpu;
  if (name !== "gpu") throw new Error(`there is no device "${name}"; there are cpu, gpu`);
  const driver = findVulkanDriver();
  if (driver !== undefined) useVulkanDriver(driver);
  return gpuDevice();
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { device: { type: "string", default: "cpu" }, path: { type: "string" } },
  });
  if (values.path !== undefined) forcePath(values.path);
  const device = await openDevice(values.device);
  // What the fixtures state for GPUs, whose functions are rougher and whose sums run in another order.
  const tolerance = values.device === "gpu" ? 1e-4 : undefined;
  const folder = positionals[0] ?? "../shared/golden";
  const { passed, failed, worst } = await runGoldenFolder(folder, device, (line) => console.log(line), tolerance);
  if (values.device === "gpu") console.log(`${device.describe()}; largest error ${worst.toExponential(1)}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
