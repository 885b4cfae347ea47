import type { Device } from "@squall/device";
import { bceWithLogits, Conv2d, ConvLSTM, EncoderForecaster, type Module, mse, truncatedBPTT } from "@squall/nn";
import { Adam, clipGradNorm, type Optimizer, SGD } from "@squall/optim";
import { Generator, rand, scope, type Tensor } from "@squall/tensor";
import { type ConformanceCase, expectThat } from "./case.ts";

/** Something to train: a step's loss, and what changes the parameters. */
interface Training {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly loss: () => Tensor;
}

function sequences(device: Device, generator: Generator): Training {
  const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, device, generator });
  const [past, future] = [rand([2, 1, 1, 4, 4], { device, generator }), rand([2, 1, 1, 4, 4], { device, generator })];
  const optimizer = new Adam(model.parameters(), { lr: 1e-2 });
  return { model, optimizer, loss: () => bceWithLogits(model.forward(past, 2), future) };
}

/** Layers that keep their states, over a sequence in chunks. */
function chunks(device: Device, generator: Generator): Training {
  const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, stateful: true, device, generator });
  const x = rand([4, 1, 1, 4, 4], { device, generator });
  const optimizer = new SGD(model.parameters(), { lr: 1e-2 });
  return {
    model,
    optimizer,
    loss: () => {
      const { results } = truncatedBPTT(model, x, { chunkSteps: 2 }, ({ outputs }) => {
        const loss = outputs.map((hidden) => hidden.square().sum()).reduce((a, b) => a.add(b));
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss.detach();
      });
      const [[hidden]] = model.forward(x);
      return results.reduce((a, b) => a.add(b)).add(hidden?.square().sum() ?? 0);
    },
  };
}

function images(device: Device, generator: Generator): Training {
  const model = new Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 3, padding: "same", device, generator });
  const [x, y] = [rand([2, 1, 4, 4], { device, generator }), rand([2, 2, 4, 4], { device, generator })];
  const optimizer = new SGD(model.parameters(), { lr: 1e-2, momentum: 0.9 });
  return { model, optimizer, loss: () => mse(model.forward(x).tanh(), y) };
}

/** All of a step in a scope. */
function scopedStep({ model, optimizer, loss }: Training): Tensor {
  return scope(() => {
    const value = loss();
    optimizer.zeroGrad();
    value.backward();
    clipGradNorm(model.parameters(), 1);
    optimizer.step();
    return value;
  });
}

/** Only the forward pass in a scope. */
function openStep({ optimizer, loss }: Training): Tensor {
  const value = scope(loss);
  optimizer.zeroGrad();
  value.backward();
  optimizer.step();
  return value;
}

/** Training must not pile up memory, and must leave nothing behind, on devices that count. */
export function trainingCases(device: Device): ConformanceCase[] {
  if (device.memory().bytes === undefined || !device.dtypes.includes("float32")) return [];
  const trainings = [
    ["a ConvLSTM with Adam", sequences],
    ["a stateful ConvLSTM, chunk by chunk", chunks],
    ["a convolution with SGD", images],
  ] as const;
  const steps = [
    ["each step in a scope", scopedStep],
    ["each forward pass in a scope", openStep],
  ] as const;
  return trainings.flatMap(([subject, make]) =>
    steps.map(([manner, step]) => ({
      name: `training ${subject}, ${manner}, holds memory flat`,
      run: async (): Promise<void> => {
        const what = `${device.name}: training ${subject}, ${manner}`;
        const training = make(device, new Generator(1));
        const losses: number[] = [];
        const held: { readonly bytes: number; readonly storages: number }[] = [];
        for (let k = 0; k < 30; k++) {
          const loss = step(training);
          losses.push(await loss.item());
          loss.dispose();
          const { bytes = 0, storages = 0 } = device.memory();
          held.push({ bytes, storages });
        }
        // What was left lying about before may be collected meanwhile, so it may fall; but no step may add to it.
        for (const [k, { bytes, storages }] of held.entries()) {
          const before = held[k - 1];
          if (k < 3 || before === undefined) continue;
          const grows = bytes > before.bytes || storages > before.storages;
          const late = `${bytes} bytes in ${storages} storages after ${k + 1} steps`;
          expectThat(what, !grows, `holds ${late} but ${before.bytes} in ${before.storages} after ${k}`);
        }
        const [first = Number.NaN, last = Number.NaN] = [losses[0], losses.at(-1)];
        expectThat(what, last < first, `the loss went from ${first} to ${last}`);
      },
    })),
  );
}
