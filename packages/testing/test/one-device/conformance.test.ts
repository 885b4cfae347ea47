import { CpuStorage, cpu } from "@squall/cpu";
import type { Device } from "@squall/device";
import { ConformanceError, deviceConformance } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../proxyDevice.ts";
import { refusal } from "../refusal.ts";

/** Names of the cases that a device fails. */
async function failures(device: Device): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, run } of deviceConformance(device, { runs: 2 })) {
    try {
      await run();
    } catch (error) {
      expect(error).toBeInstanceOf(ConformanceError);
      failed.push(name);
    }
  }
  return failed;
}

describe("deviceConformance finds a device whose results are off by a hundredth in", () => {
  it.each([
    ["fill", "fill, of nothing too, float32"],
    ["copy", "permute agrees with the cpu, float32"],
    ["cast", "cast rounds to float32 and back"],
    ["map", "tanh agrees with the cpu, float32"],
    ["update", "update reads all values from before it writes, float32"],
    ["reduce", "sum agrees with the cpu, float32"],
    ["matmul", "matmul (matrix, matrix) agrees with the cpu, float32"],
    ["conv", "conv2d agrees with the cpu, float32"],
    ["convInputGradient", "convTranspose2d agrees with the cpu, float32"],
    ["convWeightGradient", "conv2d agrees with the cpu, float32"],
    ["lstmStep", "lstmStep, peephole full, with input, float32"],
    ["lstmStepGradient", "lstmStep, peephole none, with input, float32"],
  ] as const)("%s", async (kernel, expected) => {
    expect(await failures(proxyDevice(kernel))).toContain(expected);
  });
});

describe("deviceConformance finds a device", () => {
  it("that shares host arrays", async () => {
    const sharing: Device = { ...cpu, upload: (data) => new CpuStorage(data) };
    const copies = deviceConformance(sharing).find(({ name }) => name === "upload and read copy, float32");
    await expect(copies?.run()).rejects.toThrow(/host array changed after upload: element 0 of 3 is 9 instead of 1$/);
  });

  it("whose maximum lets a number win over NaN", async () => {
    const { kernels } = cpu;
    const careless: Device = {
      ...cpu,
      kernels: {
        ...kernels,
        reduce: (geometry, reduction, source) => {
          const finite = cpu.readSync(source).map((value) => (Number.isNaN(value) ? 0 : value));
          return kernels.reduce(geometry, reduction, cpu.upload(finite));
        },
      },
    };
    expect(await failures(careless)).toContain("reduce lets NaN win wherever it stands, float32");
  });

  it("that computes with storages of others", async () => {
    const { kernels } = cpu;
    const trusting: Device = {
      ...cpu,
      kernels: { ...kernels, cast: (source, dtype) => kernels.fill(dtype, source.length, 0) },
    };
    expect(await failures(trusting)).toContain("cast refuses the storage of another device");
  });
});

it("a failure says what was expected and what came", async () => {
  const broken = deviceConformance(proxyDevice("fill")).find(({ name }) => name === "fill, of nothing too, float32");
  await expect(broken?.run()).rejects.toThrow(
    refusal(
      "ConformanceError",
      "proxy: fill, of nothing too, float32: element 0 of 3 is -2.490000009536743 instead of -2.5",
    ),
  );
});

it("deviceConformance refuses a number of runs that is none", () => {
  for (const runs of [0, 1.5, Number.NaN]) {
    expect(() => deviceConformance(cpu, { runs })).toThrow(
      refusal("ArgumentError", `deviceConformance: runs must be a whole number >= 1, got ${runs}`),
    );
  }
});
