// One device: the proxy, which counts its storages. What a long training holds of memory.
import { bceWithLogits, ConvLSTM, type ConvLSTMOptions, EncoderForecaster } from "@squall/nn";
import { Adam, CosineAnnealingLR, clipGradNorm } from "@squall/optim";
import { checkpoint, Generator, noGrad, rand, scope, type Tensor, zeros } from "@squall/tensor";
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

it("memory of a ConvLSTM with checkpoints grows with the square root of the number of steps, gradients are the same", async () => {
  const device = proxyDevice();
  /** Bytes that training on so many steps takes beside the model and the input, at most; and the gradient. */
  const train = async (steps: number, checkpoint: boolean): Promise<{ bytes: number; gradient: number[] }> => {
    const generator = new Generator(1);
    const options: ConvLSTMOptions = {
      inputChannels: 1,
      hiddenChannels: [4, 4],
      kernelSize: 3,
      returnSequences: false,
    };
    const model = new ConvLSTM({ ...options, checkpoint, device, generator });
    const x = rand([steps, 1, 1, 8, 8], { device, generator });
    // Gradients of parameters are there before and after.
    for (const parameter of model.parameters()) parameter.grad = zeros(parameter.shape, parameter);
    device.takePeak();
    const before = device.memory().bytes ?? 0;
    scope(() => {
      const [[last]] = model.forward(x);
      last?.square().sum().backward();
    });
    const bytes = device.takePeak() - before;
    const gradient = [...((await model.cells.at(0).stateWeight.grad?.data()) ?? [])];
    for (const tensor of [x, ...model.parameters()]) tensor.dispose();
    return { bytes, gradient };
  };
  const [plain16, plain256] = [await train(16, false), await train(256, false)];
  const [few, many] = [await train(16, true), await train(256, true)];
  // Sixteen times the steps: four times the memory, with a little for what all steps share.
  expect(plain256.bytes / plain16.bytes).toBeGreaterThan(14);
  expect(many.bytes / few.bytes).toBeLessThan(4.5);
  expect(many.bytes).toBeLessThan(plain256.bytes / 6);
  for (const [k, each] of many.gradient.entries()) expect(each).toBeCloseTo(plain256.gradient[k] ?? Number.NaN, 4);
});
