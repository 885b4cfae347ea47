// Tensors beyond 2^24 elements: exact on WebGPU, refused where positions would be rounded.
import { DeviceError } from "@squall/device";
import { describe, expect, it } from "vitest";
import { openWebGpu } from "../../../scripts/webgpu.ts";
import { createDevice } from "../src/createDevice.ts";
import { webasmEngine } from "../src/engine/webasm.ts";
import { largeCases } from "./large.ts";

const webgpu = await openWebGpu();

describe("with 2^24 elements and more", () => {
  const [rows, columns] = [4099, 4999];
  if ("device" in webgpu) for (const { name, run } of largeCases(webgpu.device, rows, columns)) it(name, run);

  it("gpu.js's WebAssembly mode, which would round positions, is refused them", () => {
    const { device } = createDevice(webasmEngine(), "gpu");
    const refusal = "fill: a tensor of 20490901 elements is larger than the 16777216 that one buffer of this GPU holds";
    const fill = (): unknown => device.kernels.fill("float32", rows * columns, 1);
    expect(fill).toThrow(DeviceError);
    expect(fill).toThrow(refusal);
  });
});
