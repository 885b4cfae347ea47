// One device: the proxy, which counts its storages. What a long training holds of memory.
import { bceWithLogits, EncoderForecaster } from "@squall/nn";
import { Adam, CosineAnnealingLR, clipGradNorm } from "@squall/optim";
import { checkpoint, Generator, noGrad, rand, scope, type Tensor } from "@squall/tensor";
import { expect, it } from "vitest";
import { proxyDevice } from "../proxyDevice.ts";

it("a training of 1000 steps with validation, checkpoints and a schedule holds memory flat", async () => {
  const device = proxyDevice();
  const generator = new Generator(1);
  const batch = (): Tensor => rand([2, 1, 1, 3, 3], { device, generator });
  const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: [2, 2], kernelSize: 3, device, generator });
  const optimizer = new Adam(model.parameters(), { lr: 1e-2, amsgrad: true });
  const schedule = new CosineAnnealingLR(optimizer, { tMax: 1000 });
  const target = batch();
  let after10: ReturnType<typeof device.memory> | undefined;
  const losses: number[] = [];
  for (let step = 1; step <= 1000; step++) {
    if (step === 11) after10 = device.memory();
    using loss = scope(() => {
      const x = batch();
      const logits = step % 2 === 0 ? model.forward(x, 2) : checkpoint((frames) => model.forward(frames, 2), x);
      const value = bceWithLogits(logits, target);
      optimizer.zeroGrad();
      value.backward();
      clipGradNorm(model.parameters(), 1);
      optimizer.step();
      return value;
    });
    schedule.step();
    losses.push(await loss.item());
    if (step % 100 === 0) {
      using score = scope(() => noGrad(() => bceWithLogits(model.forward(batch(), 2), target)));
      expect(await score.item()).toBeGreaterThan(0);
    }
  }
  expect(device.memory()).toEqual(after10);
  expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
});
