// Training on WebGPU: the cpu's numbers, flat memory over a thousand steps, one read per step.
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { cpu } from "@squall/cpu";
import type { Device } from "@squall/device";
import { bceWithLogits, ConvLSTM, EncoderForecaster } from "@squall/nn";
import { Adam, clipGradNorm } from "@squall/optim";
import { Generator, rand, scope } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { openWebGpu } from "../../../scripts/webgpu.ts";

const webgpu = await openWebGpu();

/** Losses of some training steps; the model, its data and its optimizer live on the device. */
async function train(
  device: Device,
  steps: number,
  each: (step: number) => void | Promise<void> = () => {},
): Promise<number[]> {
  const generator = new Generator(3);
  const model = new EncoderForecaster({
    inputChannels: 1,
    hiddenChannels: [4],
    kernelSize: 3,
    batchFirst: true,
    generator,
  });
  const [input, target] = [
    rand([2, 2, 1, 4, 4], { generator }).to(device),
    rand([2, 1, 1, 4, 4], { generator }).to(device),
  ];
  model.to(device);
  const optimizer = new Adam(model.parameters(), { lr: 0.02 });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    using loss = scope(() => {
      optimizer.zeroGrad();
      const value = bceWithLogits(model.forward(input, 1), target);
      value.backward();
      clipGradNorm(model.parameters(), 1);
      optimizer.step();
      return value.detach();
    });
    losses.push(await loss.item());
    await each(step);
  }
  return losses;
}

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Bytes of memory that this process holds, without what the garbage collector has only not come to yet. */
async function residentBytes(): Promise<number> {
  for (let k = 0; k < 2; k++) {
    collect();
    // Drivers let go of what was collected in a turn of their own.
    await setImmediate();
  }
  return process.memoryUsage().rss;
}

if ("device" in webgpu) {
  const { device } = webgpu;
  describe("training on WebGPU", () => {
    it("gives the losses of the cpu, in flat memory over a thousand steps", { timeout: 600_000 }, async () => {
      const live: (number | undefined)[] = [];
      const resident: number[] = [];
      const losses = await train(device, 1000, async (step) => {
        live.push(device.memory().bytes);
        if (step % 100 === 99) resident.push(await residentBytes());
      });
      const expected = await train(cpu, 100);
      for (const [step, loss] of expected.entries()) expect(losses[step]).toBeCloseTo(loss, 3);
      expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);

      expect(live[2]).toBeGreaterThan(0);
      expect(new Set(live.slice(2)).size).toBe(1);
      // Kernels compile and pools fill in the first steps; later nothing may grow with the steps.
      const mebibytes = resident.map((bytes) => Math.round(bytes / 2 ** 20));
      console.log(`resident after every 100 steps: ${mebibytes.join(", ")} MiB`);
      const [early, late] = [Math.max(...mebibytes.slice(2, 5)), Math.min(...mebibytes.slice(-3))];
      expect(late - early).toBeLessThan(32);
    });

    it("holds nothing more after forward passes without a read", { timeout: 600_000 }, async () => {
      const generator = new Generator(4);
      const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [2], kernelSize: 3, generator });
      model.to(device);
      const x = rand([3, 1, 1, 4, 4], { generator }).to(device);
      const before = device.memory();
      for (let k = 0; k < 100; k++) {
        scope(() => {
          model.forward(x);
        });
      }
      await device.sync();
      // The test before has left tensors to the garbage collector, which may have come by.
      expect(device.memory().bytes).toBeLessThanOrEqual(before.bytes ?? 0);
      expect(device.memory().storages).toBeLessThanOrEqual(before.storages ?? 0);
    });
  });
} else {
  it("tells what was not run for want of WebGPU in Node", () => {
    console.warn(`NOT RUN: training on WebGPU. ${webgpu.missing}`);
    expect(webgpu.missing).toContain("there is no GPU to use");
  });
}
