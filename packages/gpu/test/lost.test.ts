// What happens when the GPU goes away: a driver that crashes, a laptop that switches graphics, a browser that takes its context back.
import { DeviceError } from "@squall/device";
import { ones, tensor } from "@squall/tensor";
import { expect, it } from "vitest";
import { openWebGpu } from "../../../scripts/webgpu.ts";
import { gpuDevice } from "../src/index.ts";

const webgpu = await openWebGpu();

if ("device" in webgpu) {
  const { WebGPUContext } = await import("gpu.js/src/backend/web-gpu/context.js");

  it("takes an error that WebGPU reports on the side for a loss: no later read gives what was never computed", async () => {
    const { device } = webgpu;
    const before = tensor([1, 2, 3], { device });
    expect(await before.data()).toEqual(Float32Array.of(1, 2, 3));
    const { device: handle } = await WebGPUContext.acquire();
    // No usage is an invalid one.
    handle.createBuffer({ size: 4, usage: 0 });
    const reported = /the GPU was lost \(WebGPU reported: .*usage/is;
    // The report may come before the call or after it.
    await expect((async () => before.mul(2).data())()).rejects.toThrow(reported);
    await expect(before.data()).rejects.toThrow(reported);
    const again = await gpuDevice();
    expect(again).not.toBe(device);
    expect(await tensor([1], { device: again }).data()).toEqual(Float32Array.of(1));
  });

  it("reports a lost GPU at the next read, whatever was lined up, and opens it anew", async () => {
    const device = await gpuDevice();
    const before = tensor([1, 2, 3], { device });
    expect(await before.mul(2).data()).toEqual(Float32Array.of(2, 4, 6));

    const { device: handle } = await WebGPUContext.acquire();
    handle.destroy();
    // Nobody has been told yet, so work is still taken.
    const after = before.add(1);
    const lost = /the GPU was lost \(it was destroyed\), and its tensors with it; open it again with gpuDevice\(\)/;
    await expect(after.data()).rejects.toThrow(DeviceError);
    await expect(after.data()).rejects.toThrow(lost);
    await expect(before.data()).rejects.toThrow(lost);
    await expect(device.sync()).rejects.toThrow(lost);
    expect(() => before.add(1)).toThrow(lost);
    expect(() => ones([2], { device })).toThrow(lost);
    expect(device.describe()).toMatch(/; lost: it was destroyed$/);

    const again = await gpuDevice();
    expect(again).not.toBe(device);
    expect(await tensor([1, 2, 3], { device: again }).mul(2).data()).toEqual(Float32Array.of(2, 4, 6));
    expect(() => before.add(tensor([1, 2, 3], { device: again }))).toThrow("inputs live on different devices");
  });
} else {
  it("tells what was not run for want of WebGPU in Node", () => {
    console.warn(`NOT RUN: losing the GPU. ${webgpu.missing}`);
    expect(webgpu.missing).toContain("there is no GPU to use");
  });
}
