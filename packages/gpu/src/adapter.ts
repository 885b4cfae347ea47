/*
 * Where WebGPU comes from. Browsers have it as navigator.gpu. In Node it comes from the npm package `webgpu`, loaded only when it is asked
 * for; gpu.js looks for navigator.gpu there too.
 */
import { field } from "./engine/gpujs.ts";

/** Whether there is a WebGPU to try, or why not, with what to do. */
export type WebGpuSource = { readonly found: true } | { readonly found: false; readonly reason: string };

function isNode(): boolean {
  return field(field(field(globalThis, "process"), "versions"), "node") !== undefined;
}

function hasWebGpu(): boolean {
  return typeof navigator !== "undefined" && field(navigator, "gpu") !== undefined;
}

/** Makes navigator.gpu of the npm package, once. */
async function installInNode(): Promise<WebGpuSource> {
  let loaded: unknown;
  try {
    // Not a literal: a bundler for browsers has no business following it.
    const name = "webgpu";
    loaded = await import(/* @vite-ignore */ name);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      found: false,
      reason: `the npm package webgpu (0.6.2 or newer) did not load: ${why.split("\n")[0]}; npm install webgpu`,
    };
  }
  const create = field(loaded, "create");
  if (typeof create !== "function") {
    return { found: false, reason: "the npm package webgpu has no create(); npm install webgpu@latest" };
  }
  const gpu: unknown = create([]);
  // Node 20 has no navigator.
  if (typeof navigator === "undefined")
    Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  return { found: true };
}

/** Finds a WebGPU. */
export async function findWebGpu(): Promise<WebGpuSource> {
  if (hasWebGpu()) return { found: true };
  if (isNode()) return installInNode();
  return {
    found: false,
    reason:
      typeof isSecureContext === "boolean" && !isSecureContext
        ? "the page is not served securely (https, or localhost), without which browsers have no WebGPU"
        : "this browser has no WebGPU (navigator.gpu is missing)",
  };
}

/** Whether an adapter answers; if not, what to do. */
export async function findAdapter(): Promise<WebGpuSource> {
  const source = await findWebGpu();
  if (!source.found) return source;
  let adapter: GPUAdapter | null = null;
  let why = "";
  try {
    adapter = await navigator.gpu.requestAdapter();
  } catch (error) {
    why = ` (${error instanceof Error ? error.message : String(error)})`;
  }
  if (adapter !== null) return source;
  const remedy = isNode()
    ? "it needs a Vulkan, Metal or Direct3D 12 driver; on Linux install libvulkan1 and a driver, and VK_DRIVER_FILES can name one"
    : "the browser offers none; look at chrome://gpu or about:support";
  return { found: false, reason: `WebGPU is there but no adapter answered${why}: ${remedy}` };
}
