import { ArgumentError, type Device, DeviceError } from "@squall/device";
import { findAdapter } from "./adapter.ts";
import { createDevice } from "./createDevice.ts";
import type { Engine } from "./engine/engine.ts";
import { webgl2Engine } from "./engine/webgl2.ts";
import { webgpuEngine } from "./engine/webgpu/engine.ts";

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
  /** Kernels launched so far. */
  readonly launches: number;
}

/** An engine, or why there is none. */
type Attempt = { readonly engine: Engine } | { readonly reason: string };

async function attempt(open: () => Engine | Promise<Engine>): Promise<Attempt> {
  try {
    return { engine: await open() };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

async function openWebGpu(): Promise<Attempt> {
  const source = await findAdapter();
  return source.found ? attempt(webgpuEngine) : { reason: source.reason };
}

async function openWebGl2(): Promise<Attempt> {
  if (typeof document === "undefined" && typeof OffscreenCanvas === "undefined") {
    return { reason: "WebGL2 needs a browser" };
  }
  return attempt(webgl2Engine);
}

const attempts: Readonly<Record<GpuMode, () => Promise<Attempt>>> = { webgpu: openWebGpu, webgl2: openWebGl2 };

/** Devices that are open, so that all tensors of a program share one. */
const open = new Map<
  GpuMode,
  Promise<{ readonly device: GpuDevice; readonly engine: Engine } | { readonly reason: string }>
>();

async function openMode(
  mode: GpuMode,
): Promise<{ readonly device: GpuDevice; readonly engine: Engine } | { readonly reason: string }> {
  const known = await open.get(mode);
  if (known !== undefined && "device" in known && known.engine.lost === undefined) return known;
  const opening = attempts[mode]().then((found) => {
    if (!("engine" in found)) return found;
    const { device, runtime } = createDevice(found.engine, "gpu");
    const gpu: GpuDevice = Object.defineProperties(Object.assign(device, { mode, launches: 0 }), {
      launches: { get: () => runtime.launches },
    });
    return { device: gpu, engine: found.engine };
  });
  open.set(mode, opening);
  return opening;
}

/**
 * Opens the GPU as a device: `model.to(await gpuDevice())`.
 *
 * In a browser it is WebGPU if an adapter answers, else WebGL2. In Node it is WebGPU through the npm package `webgpu` (0.6.2 or newer), which
 * you install yourself. Calls with the same mode give the same device, until that is lost. Everything is float32.
 *
 * Calls on tensors enqueue work and return at once; `await data()`, `item()` and `sync()` wait. Results that nobody reads any more have to be
 * given back: run each training step in `scope` (of `@squall/tensor`), which frees everything made inside but what it returns.
 * @throws ArgumentError for an unknown mode; DeviceError that says what was tried, and what to install, if there is no GPU
 */
export async function gpuDevice({ mode }: GpuOptions = {}): Promise<GpuDevice> {
  if (mode !== undefined && !Object.hasOwn(attempts, mode)) {
    throw new ArgumentError("gpuDevice", `mode must be "webgpu" or "webgl2", got "${String(mode)}"`, { got: mode });
  }
  const tried: string[] = [];
  for (const each of mode === undefined ? (["webgpu", "webgl2"] as const) : [mode]) {
    const found = await openMode(each);
    if ("device" in found) return found.device;
    tried.push(`${each}: ${found.reason}`);
  }
  throw new DeviceError("gpuDevice", `there is no GPU to use. Tried ${tried.join("; ")}. The cpu works everywhere`, {
    expected: mode ?? "webgpu or webgl2",
  });
}
