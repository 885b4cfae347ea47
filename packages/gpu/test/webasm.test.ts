// The generated sources in gpu.js's WebAssembly mode: on every machine, a check of their numbers.
import { deviceConformance } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { createDevice } from "../src/createDevice.ts";
import { webasmEngine } from "../src/engine/webasm.ts";

const { device } = createDevice(webasmEngine(), "gpu");

describe("the kernels' sources in WebAssembly mode", () => {
  for (const { name, run } of deviceConformance(device)) it(name, run);

  it("say what they are", () => {
    expect(device.describe()).toBe("gpu: gpu.js in WebAssembly mode, for tests");
  });
});
