import { field } from "../gpujs.ts";

/** The pair that gpu.js shares among its kernels. */
export interface Context {
  readonly adapter: GPUAdapter;
  readonly device: GPUDevice;
}

/** Whether a value is gpu.js's pair of adapter and device. */
export function isContext(value: unknown): value is Context {
  return field(field(value, "device"), "queue") !== undefined && field(value, "adapter") !== undefined;
}

/** Most bytes of one buffer. */
export function largestBuffer({ device }: Context): number {
  // Positions are counted in 32 bits with a sign, in elements.
  return Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize, 2 ** 32);
}

/** What an adapter calls itself. */
export function describeAdapter(context: Context): string {
  const { vendor, architecture, device, description } = context.adapter.info;
  const parts = [vendor, architecture, device, description].filter(
    (part, k, all) => part !== "" && all.indexOf(part) === k,
  );
  const limit = Math.floor(largestBuffer(context) / 2 ** 20);
  return `WebGPU on ${parts.join(", ") || "an adapter without a name"}, buffers up to ${limit} MiB`;
}
