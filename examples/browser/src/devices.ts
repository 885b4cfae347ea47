// Opening the device that the visitor chose, and saying in words why it cannot be had.

import { cpu, getThreads } from "@squall/cpu";
import type { Device } from "@squall/tensor";
import type { DeviceChoice } from "./state.ts";

/** What the choices are called on the page. */
export const DEVICE_NAMES: Readonly<Record<DeviceChoice, string>> = {
  cpu: "CPU",
  webgpu: "GPU (WebGPU)",
  webgl2: "GPU (WebGL2)",
};

const REMEDIES: Readonly<Record<DeviceChoice, string>> = {
  cpu: "Try another browser.",
  webgpu:
    "WebGPU needs a recent browser with its graphics acceleration switched on, and a page from https:// or localhost. Try “GPU (WebGL2)” or stay on the CPU.",
  webgl2: "WebGL2 needs a browser with its graphics acceleration switched on. Stay on the CPU, or try another browser.",
};

const opened = new Map<DeviceChoice, Promise<Device>>();

async function open(choice: DeviceChoice): Promise<Device> {
  if (choice === "cpu") return cpu;
  // Asked for here, so that those who stay on the CPU do not download it.
  const { gpuDevice } = await import("@squall/gpu");
  return gpuDevice({ mode: choice });
}

/** The device of a choice, each opened once. @throws DeviceError and others if there is none */
export function openDevice(choice: DeviceChoice): Promise<Device> {
  const device = opened.get(choice) ?? open(choice);
  opened.set(choice, device);
  // A second try may find what the first did not.
  device.catch(() => opened.delete(choice));
  return device;
}

/** What went wrong with a device, and what to do. */
export function explain(choice: DeviceChoice, error: unknown): string {
  const cause = error instanceof Error ? error.message : String(error);
  return `${DEVICE_NAMES[choice]} cannot be used here: ${cause.replace(/[.\s]*$/, "")}. ${REMEDIES[choice]}`;
}

/** What a device runs on; for the CPU also how many threads, and why not more. */
export function describeDevice(device: Device): string {
  if (device !== cpu) return device.describe();
  const threads = getThreads();
  if (threads > 1) return `${cpu.describe()}. The server isolates this page, so ${threads} threads share the work.`;
  if (!globalThis.crossOriginIsolated) {
    return `${cpu.describe()}. More threads need a server that sends the headers COOP and COEP.`;
  }
  return `${cpu.describe()}.`;
}
