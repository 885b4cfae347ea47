// What a browser runs for the tests: conformance cases of the gpu device, by index.
import { type GpuMode, gpuDevice } from "@squall/gpu";
import { type ConformanceCase, deviceConformance } from "@squall/testing";
import { createDevice } from "../../src/createDevice.ts";
import { webgl2Engine } from "../../src/engine/webgl2.ts";
import { webgpuEngine } from "../../src/engine/webgpu/engine.ts";
import { largeCases } from "../large.ts";
import { textureCases } from "./textures.ts";

/** What the test calls. */
export interface TestPage {
  /** Opens a device. @returns what it runs on, and the names of its cases */
  open(mode: GpuMode, runs: number): Promise<{ readonly description: string; readonly cases: readonly string[] }>;
  /** As {@link TestPage.open}, with a device that keeps only a few compiled kernels. */
  openForgetful(mode: GpuMode): Promise<{ readonly description: string; readonly cases: readonly string[] }>;
  /** Runs a case. @returns why it failed, or nothing */
  run(index: number): Promise<string | undefined>;
}

let cases: ConformanceCase[] = [];

const testPage: TestPage = {
  open: async (mode, runs) => {
    const device = await gpuDevice({ mode });
    // As many elements as WebGL2 is trusted with.
    cases = [...deviceConformance(device, { runs }), ...largeCases(device, 4000, 4190), ...textureCases(device, 60)];
    return { description: device.describe(), cases: cases.map(({ name }) => name) };
  },
  openForgetful: async (mode) => {
    const { device } = createDevice(mode === "webgpu" ? await webgpuEngine() : webgl2Engine(), "gpu", 3);
    // Nearly every launch compiles, so some cases have to do.
    const all = deviceConformance(device, { runs: 1 }).filter(({ name }) => !name.startsWith("training"));
    cases = [...all.filter((_, index) => index % 4 === 0), ...textureCases(device, 6)];
    return { description: device.describe(), cases: cases.map(({ name }) => name) };
  },
  run: async (index) => {
    try {
      await cases[index]?.run();
      return undefined;
    } catch (error) {
      return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    }
  },
};

Object.assign(globalThis, { testPage });
