// The switches hold for the whole process, so these tests have a process of their own.
import { convGeometry } from "@squall/device";
import { afterEach, expect, it, vi } from "vitest";
import { features } from "../src/features.ts";
import { cpu, enableTurbo, setKernelPath, setThreads } from "../src/index.ts";
import { workMemory } from "../src/pool/pool.ts";
import { numbers, values } from "./samples.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

const geometry = convGeometry("conv", [8, 16, 40, 40], [48, 16, 3, 3], { padding: 1 });
const [x, w] = [cpu.upload(numbers("float32", 8 * 16 * 1600, 1)), cpu.upload(numbers("float32", 48 * 144, 2))];
const convolve = (): ReturnType<typeof values> => values(cpu.kernels.conv(geometry, x, w, undefined));

function expectRight(): void {
  const found = convolve();
  setKernelPath("loops");
  const expected = convolve();
  setKernelPath("auto");
  let [worst, largest] = [0, 0];
  for (const [i, value] of expected.entries()) {
    worst = Math.max(worst, Math.abs(found[i] - value));
    largest = Math.max(largest, Math.abs(value));
  }
  expect(worst).toBeLessThan(2e-5 * largest);
}

async function freshWith(process: unknown): Promise<ReturnType<typeof enableTurbo>> {
  vi.resetModules();
  const found = await import("../src/index.ts");
  vi.stubGlobal("process", process);
  return found.enableTurbo();
}

it("does nothing outside of Node", async () => {
  const expected = { enabled: false, flags: [], reason: "only Node lets a program set switches of V8" };
  expect(await freshWith(undefined)).toEqual(expected);
  expect(await freshWith({})).toEqual(expected);
});

it("keeps no switch that has no effect", async () => {
  const set: string[] = [];
  const v8 = { setFlagsFromString: (flag: string) => set.push(flag) };
  const found = await freshWith({ arch: "arm64", getBuiltinModule: () => v8 });
  expect(found).toMatchObject({ enabled: false, flags: [] });
  if (features().fused) {
    expect(set).toEqual([]);
    expect(found.reason).toBe("--experimental-wasm-revectorize is for x64 processors, this one is arm64");
  } else {
    expect(set).toEqual(["--experimental-wasm-relaxed-simd", "--no-experimental-wasm-relaxed-simd"]);
    expect(found.reason).toBe("--experimental-wasm-relaxed-simd gives no fused multiply-add on this machine");
  }
});

it("keeps a switch that makes products faster, in all threads, also after the first operation", () => {
  setThreads(2);
  expectRight();
  const [before, memory] = [features(), workMemory()];
  const turbo = enableTurbo();
  expect(turbo.reason).toMatch(
    /^--experimental-wasm-[a-z-]+( does not pay here)?: \d+ GFLOP\/s .* without, \d+ with it$/,
  );
  expect(turbo.enabled).toBe(turbo.flags.length === 1);
  expect(features().wide).toBe(turbo.flags.includes("--experimental-wasm-revectorize"));
  expect(features().fused).toBe(before.fused || turbo.enabled);
  for (let i = 0; i < 20; i++) expectRight();
  expect(workMemory() === memory).toBe(false);
  expect(enableTurbo()).toBe(turbo);
  // The same bits by workers that were started since as by the calling thread.
  const both = convolve();
  setThreads(1);
  expect(convolve()).toEqual(both);
});
