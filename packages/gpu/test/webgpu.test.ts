// The gpu device on WebGPU in Node: a real GPU, or a software adapter such as Chromium's SwiftShader. Says which.
import { deviceConformance } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { openWebGpu } from "../../../scripts/webgpu.ts";
import { createDevice } from "../src/createDevice.ts";
import { webgpuEngine } from "../src/engine/webgpu/engine.ts";
import { gpuDevice } from "../src/index.ts";

const webgpu = await openWebGpu();

if ("device" in webgpu) {
  const { device, driver } = webgpu;
  const engine = await webgpuEngine();
  console.log(`WebGPU in Node by ${driver}: ${device.describe()}`);

  describe(device.describe(), () => {
    for (const { name, run } of deviceConformance(device)) it(name, run);

    describe("that keeps only a few compiled kernels", () => {
      const forgetful = createDevice(engine, "gpu", 3).device;
      for (const { name, run } of deviceConformance(forgetful, { runs: 1 })) it(name, run);
    });

    it("is one device for the whole program", async () => {
      expect(await gpuDevice()).toBe(device);
      expect(await gpuDevice({ mode: "webgpu" })).toBe(device);
      expect(device.mode).toBe("webgpu");
    });
  });
} else {
  it("tells what was not run for want of WebGPU in Node", () => {
    console.warn(`NOT RUN: the gpu device on WebGPU in Node. ${webgpu.missing}`);
    expect(webgpu.missing).toContain("gpuDevice: there is no GPU to use");
  });
}
