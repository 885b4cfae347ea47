// Squall on the gpu as an entrant: the same numbers as on the cpu, launches counted, memory flat.
import { cpu } from "@squall/cpu";
import type { Device } from "@squall/device";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../packages/testing/test/proxyDevice.ts";
import { openWebGpu } from "../../scripts/webgpu.ts";
import type { Runner } from "../src/child/serve.ts";
import { distance } from "../src/compare.ts";
import { describeGpu, GPU_ENTRANT, gpuFirst, isSoftware, shrunk } from "../src/gpu.ts";
import type { Entrant } from "../src/lane.ts";
import { measure } from "../src/measure.ts";
import { prepareOn } from "../src/ours/prepare.ts";
import { launchOurs } from "../src/peers/peers.ts";
import type { Effort } from "../src/statistics.ts";
import { inputsOf, outputsOf } from "../src/tasks/arrays.ts";
import { arrayNamed, generateInput } from "../src/tasks/files.ts";
import type { Task, TrainTask } from "../src/tasks/task.ts";
import { GPU_WORKLOADS } from "../src/workloads.ts";
import { wrongLaunch } from "./wrongLaunch.ts";

const image = { batch: 2, channels: 3, height: 5, width: 6, kernel: 3 };
const train: TrainTask = { kind: "train", steps: 3, hidden: [3, 2], outChannels: 2, learningRate: 1, ...image };
const tasks: readonly Task[] = [
  { kind: "conv", outChannels: 4, ...image },
  { kind: "convBackward", outChannels: 4, ...image },
  { kind: "forward", steps: 2, hidden: [3], ...image },
  train,
  { ...train, checkpoint: true },
  { ...train, cell: "gru" },
  { ...train, norm: "group", peephole: "conv" },
  { kind: "forward", steps: 2, hidden: [3], cell: "gru", ...image },
  { kind: "matmul", size: 9 },
  { kind: "add", count: 30 },
  { kind: "sigmoid", count: 30 },
  { kind: "sum", count: 30 },
];

function load(device: Device, task: Task): Runner {
  return prepareOn(device, task, new Map(inputsOf(task).map((input) => [input.name, generateInput(input)])));
}

/** Two runs on a device and on the cpu give the same, and the second leaves no more behind than the first. */
async function expectSame(device: Device, task: Task): Promise<void> {
  const [there, here] = [load(device, task), load(cpu, task)];
  const live: number[] = [];
  for (let run = 0; run < 2; run++) {
    await there.run();
    live.push(device.memory().bytes ?? Number.NaN);
    expect(here.run()).toBeUndefined();
  }
  // Less if the garbage collector has come by and taken what tests before have left.
  expect(live[1]).toBeLessThanOrEqual(live[0]);
  const [got, expected] = [await there.outputs(), await here.outputs()];
  for (const { name, tolerance } of outputsOf(task)) {
    const { relative } = distance(arrayNamed(got, name), arrayNamed(expected, name));
    expect(relative, name).toBeLessThan(tolerance);
  }
}

describe("Squall on a device that answers later", () => {
  it.each(tasks)("computes %j as on the cpu", (task) => expectSame(proxyDevice(), task));
});

const webgpu = await openWebGpu();
const tiny: Effort = { budget: 5, most: 2, warmUp: 0 };
const onCpu: Entrant = { launch: launchOurs(), threads: 1, turbo: false };

if ("device" in webgpu) {
  const { device } = webgpu;
  describe(`Squall on ${device.describe()}`, () => {
    it.each(tasks)("computes %j as on the cpu", (task) => expectSame(device, task));

    it("is timed in a process of its own, beside the cpu", async () => {
      const [conv] = tasks;
      const measurement = gpuFirst(await measure(conv, [onCpu, GPU_ENTRANT], tiny, 2));
      const [gpu, beside] = measurement.entrants;
      expect([gpu.version, beside.version]).toEqual(["squall, gpu", "squall"]);
      expect(gpu.about).toBe(device.describe());
      expect(gpu.apart).toBeLessThan(1e-4);
      expect(gpu.device?.launches).toBeGreaterThan(0);
      // Input, weight, bias and result.
      expect(gpu.device?.bytes).toBe(4 * (180 + 108 + 4 + 240));
      expect(beside.device).toBeUndefined();
    });

    it("says what it runs on", async () => {
      expect(await describeGpu()).toBe(device.describe());
    });
  });
} else {
  it("tells what was not run for want of WebGPU in Node", async () => {
    console.warn(`NOT RUN: the bench on WebGPU. ${webgpu.missing}`);
    await expect(describeGpu()).rejects.toThrow("there is no GPU to use");
  });
}

it("is not timed if it computes something else than the cpu", async () => {
  const wrong: Entrant = { launch: wrongLaunch, threads: 1, turbo: false };
  await expect(measure(tasks[0], [onCpu, wrong], tiny, 2)).rejects.toThrow(/^wrong and squall do not agree on y/);
});

describe("software adapters", () => {
  it("are known by what they call themselves", () => {
    expect(isSoftware("gpu: WebGPU on google, swiftshader, SwiftShader driver 5.0.0, buffers up to 1024 MiB")).toBe(
      true,
    );
    expect(isSoftware("gpu: WebGPU on mesa, llvmpipe (LLVM 15.0.6, 256 bits)")).toBe(true);
    expect(isSoftware("gpu: WebGPU on nvidia, hopper, NVIDIA H200")).toBe(false);
  });

  it("get smaller sizes, which the tables name", () => {
    const [one] = GPU_WORKLOADS;
    const { cases, oracle } = shrunk(one);
    expect(cases).toEqual([{ note: "batch 1", task: { ...one.cases[0].task, batch: 1 }, peers: one.cases[0].peers }]);
    expect(oracle).toBe(cases[0].task);
    const sum = GPU_WORKLOADS.find(({ name }) => name === "sum");
    expect(sum && shrunk(sum)).toBe(sum);
  });
});
