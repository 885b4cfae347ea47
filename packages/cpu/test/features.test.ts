import { afterEach, describe, expect, it, vi } from "vitest";
import { features } from "../src/features.ts";
import { type ConvAlgorithm, setConvAlgorithm } from "../src/index.ts";
import { convAlgorithm } from "../src/settings.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

async function featuresWith(globals: Record<string, unknown>): ReturnType<typeof fresh> {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  return fresh();
}

async function fresh() {
  vi.resetModules();
  return (await import("../src/features.ts")).features();
}

describe("features", () => {
  it("are tried once", () => {
    expect(features()).toBe(features());
    expect(features()).toMatchObject({ simd: true, shared: true, reason: "" });
  });

  it("are none without WebAssembly", async () => {
    expect(await featuresWith({ WebAssembly: undefined })).toEqual({
      simd: false,
      fused: false,
      wide: false,
      rows: 4,
      shared: false,
      reason: "no WebAssembly",
    });
  });

  it("are none where vectors give wrong numbers", async () => {
    const { Memory, Module, CompileError, validate } = WebAssembly;
    const Instance = class {
      readonly exports = { run: () => {} };
    };
    const found = await featuresWith({ WebAssembly: { Memory, Module, Instance, CompileError, validate } });
    expect(found).toMatchObject({ simd: false, fused: false, reason: "WebAssembly SIMD gave wrong numbers" });
  });

  it("share no memory in a page that is not isolated", async () => {
    expect(await featuresWith({ crossOriginIsolated: false })).toMatchObject({ simd: true, shared: false });
    expect(await featuresWith({ SharedArrayBuffer: undefined })).toMatchObject({ simd: true, shared: false });
  });
});

describe("the algorithm of convolutions", () => {
  it("can be chosen", () => {
    setConvAlgorithm("exact");
    expect(convAlgorithm()).toBe("exact");
    setConvAlgorithm("auto");
    expect(convAlgorithm()).toBe("auto");
    const unknown: unknown = "fft";
    expect(() => setConvAlgorithm(unknown as ConvAlgorithm)).toThrow(
      'setConvAlgorithm: there is no algorithm "fft"; there are auto and exact',
    );
  });
});
