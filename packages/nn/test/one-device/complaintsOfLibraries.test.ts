// What users of tensor libraries complain of (issue threads, by row of the project's list), as far as it concerns ConvLSTM. Tests here are
// short: the long proofs stand with their parts. One device: the CPU, and the proxy, which counts what it holds, where bytes matter.
//
// Rows whose tests are elsewhere:
//   #1 to #9, of ConvLSTM code: complaints.test.ts
//  #14 results differ by device: packages/testing/test/every-device; from Python: packages/testing/test/golden; defaults and definitions here
//  #18 native installs fail: scripts/test/packages.test.ts installs and trains without running any install script
//  #19 upkeep: no test can tell
import { tensorsFromSafetensors, tensorsToSafetensors } from "@squall/io";
import {
  bceWithLogits,
  Conv2d,
  ConvLSTM,
  ConvLSTMCell,
  type ConvLSTMOptions,
  EncoderForecaster,
  mse,
} from "@squall/nn";
import { Adam, SGD } from "@squall/optim";
import {
  cat,
  conv2d,
  type Device,
  Generator,
  grad,
  manualSeed,
  noGrad,
  rand,
  randn,
  scope,
  stack,
  type Tensor,
  tensor,
} from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import { describe, expect, it, vi } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { randomise } from "./convlstmArbitrary.ts";
import { expectClose } from "./expectClose.ts";

const common: ConvLSTMOptions = { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, dtype: "float64" };

/** Always the same weights for the same options. */
function made(options: Partial<ConvLSTMOptions> = {}): ConvLSTM {
  const model = new ConvLSTM({ ...common, ...options });
  randomise(model, new Generator(7));
  return model;
}

const random = (shape: number[], seed = 1): Tensor =>
  randn(shape, { dtype: "float64", generator: new Generator(seed) });
const frames = (steps: number, batch: number, seed = 1): Tensor => random([steps, batch, 1, 4, 3], seed);

/** Largest absolute value. */
const most = (x: Tensor): number => x.detach().abs().max().itemSync();

describe("#10 ConvLSTM is missing in JavaScript, then partial", () => {
  it("here layers are stacked, dilated, masked and trained, keep states, and take other batches and images", () => {
    const model = made({ dilation: 2, stateful: true, returnAllLayers: true });
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const step = (x: Tensor, lengths: readonly number[]): number => {
      model.resetState();
      const [[, hidden = x]] = model.forward(x, undefined, { lengths });
      const loss = hidden.sub(0.3).square().mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.itemSync();
    };
    const x = frames(4, 2);
    const first = step(x, [4, 3]);
    for (let k = 0; k < 10; k++) step(x, [4, 3]);
    expect(step(x, [4, 3])).toBeLessThan(first);
    expect(step(random([3, 1, 1, 6, 5]), [3])).toBeGreaterThan(0);
    expect(model.carriedStates?.map(({ h }) => h.shape)).toEqual([
      [1, 2, 6, 5],
      [1, 3, 6, 5],
    ]);
  });
});

describe("#11 gradients are missing", () => {
  it("of dilated convolutions: the layer trains", () => {
    const model = made({ hiddenChannels: 2, dilation: 2, stateDilation: 2 });
    const x = random([3, 1, 1, 5, 4]);
    gradcheck(() => model.forward(x)[0], model.parameters(), { mode: "projection" });
    const optimizer = new SGD(model.parameters(), { lr: 0.02 });
    const step = (): number => {
      const loss = model.forward(x)[0][0].square().sum();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.itemSync();
    };
    const first = step();
    for (let k = 0; k < 5; k++) step();
    expect(step()).toBeLessThan(first);
  });

  it("of second order, of tanh, sigmoid, exp, convolutions by their weights, and the whole layer", () => {
    const leaf = (shape: number[], seed: number): Tensor => random(shape, seed).requiresGrad_(true);
    const [a, x, w] = [leaf([5], 1), leaf([1, 2, 4, 4], 2), leaf([2, 2, 3, 3], 3)];
    for (const name of ["tanh", "sigmoid", "exp"] as const) gradgradcheck(() => a[name](), [a]);
    gradgradcheck(() => conv2d(x, w, undefined, { padding: 1 }), [x, w]);
    const model = made({ hiddenChannels: 2 });
    gradgradcheck(() => model.forward(frames(2, 1))[0], model.parameters(), { mode: "projection" });
  });
});

describe("#12 orthogonal initialization takes minutes", () => {
  it("not for 64 filters: it is done in seconds at most, and orthogonal", () => {
    const started = performance.now();
    const model = new ConvLSTM({ inputChannels: 16, hiddenChannels: 64, kernelSize: 3, init: "keras" });
    // Takes about 0.1 s, where tfjs took 113 s; the bound leaves room for a busy machine.
    expect(performance.now() - started).toBeLessThan(4000);
    const rows = model.cells.at(0).stateWeight.detach().narrow(0, 0, 8).reshape([8, 576]);
    const gram = rows.matmul(rows.transpose(0, 1)).sub(tensor(identity(8)));
    expect(most(gram)).toBeLessThan(1e-5);
  });
});

function identity(size: number): number[][] {
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (_, column) => (row === column ? 1 : 0)),
  );
}

describe("#13 leaks, and tidying by hand", () => {
  it("a stateful layer that is called again and again holds memory flat", () => {
    const device = proxyDevice();
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [2, 2], kernelSize: 3, stateful: true, device });
    const held: unknown[] = [];
    for (let call = 0; call < 20; call++) {
      const output = scope(() => noGrad(() => model.step(rand([1, 1, 4, 4], { device }))[0][0]));
      output.dispose();
      held.push(device.memory());
    }
    expect(new Set(held.map((each) => JSON.stringify(each))).size).toBe(1);
    scope(() => model.resetState());
    expect(device.memory().storages).toBe(model.parameters().length);
  });

  // A thousand steps, with all that belongs to a training: trainingMemory.test.ts here and in packages/testing.
  it("training steps hold memory flat, with one scope and no other care", () => {
    const device = proxyDevice();
    const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: [2, 2], kernelSize: 3, device });
    const optimizer = new Adam(model.parameters());
    const held = Array.from({ length: 20 }, () => {
      scope(() => {
        const loss = mse(model.forward(rand([2, 1, 1, 4, 4], { device }), 2), rand([2, 1, 1, 4, 4], { device }));
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
      });
      return JSON.stringify(device.memory());
    });
    expect(new Set(held).size).toBe(1);
  });
});

describe("#14 results differ from Python's", () => {
  it("the gates are sigmoids unless asked; both hard ones are there under names of their own", () => {
    const [cell, hard, old] = [undefined, "hardSigmoid", "hardSigmoidKeras2"].map((recurrentActivation) =>
      made({ ...(recurrentActivation && { recurrentActivation }) } as Partial<ConvLSTMOptions>).cells.at(0),
    );
    const x = tensor([-3, -2.5, -1, 0, 1, 2.5, 3], { dtype: "float64" });
    expectClose([cell.recurrentActivation(x), cell.activation(x)], [x.sigmoid(), x.tanh()], 1e-15);
    expectClose([hard.recurrentActivation(x)], [x.div(6).add(0.5)], 1e-15);
    expectClose([old.recurrentActivation(x)], [tensor([0, 0, 0.3, 0.5, 0.7, 1, 1], { dtype: "float64" })], 1e-15);
  });

  it('init "keras" has the defaults of Keras 3: Glorot uniform, orthogonal, unit forget bias', () => {
    const cell = new ConvLSTMCell({ inputChannels: 4, hiddenChannels: 8, kernelSize: 3, init: "keras" });
    const limit = Math.sqrt(6 / (9 * 4 + 9 * 4 * 8));
    if (cell.inputWeight === undefined) throw new Error("no input");
    expect(most(cell.inputWeight)).toBeLessThanOrEqual(limit);
    expect(most(cell.inputWeight)).toBeGreaterThan(0.95 * limit);
    const rows = cell.stateWeight.detach().reshape([32, 72]);
    expect(most(rows.matmul(rows.transpose(0, 1)).sub(tensor(identity(32))))).toBeLessThan(1e-5);
    expect(cell.bias?.toArray()).toEqual([0, 1, 0, 0].flatMap((value) => Array(8).fill(value)));
  });
});

describe("#15 every step of a recurrence costs many calls of the device", () => {
  /** Calls of kernels in a forward pass. */
  function calls(device: Device, steps: number): Record<string, number> {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, device });
    const x = randn([steps, 1, 1, 4, 4], { device });
    const names = ["conv", "map", "copy", "fill", "lstmStep", "matmul", "reduce"] as const;
    const spies = names.map((name) => vi.spyOn(device.kernels, name));
    noGrad(() => model.forward(x));
    const counts = spies.map((spy) => spy.mock.calls.length);
    for (const spy of spies) spy.mockRestore();
    return Object.fromEntries(names.map((name, k) => [name, counts[k]]));
  }

  it("one convolution of the input for all steps, then a convolution, a fused gate step and a copy each", () => {
    const device = proxyDevice();
    const [few, many] = [calls(device, 4), calls(device, 10)];
    expect(few.conv).toBe(1 + 4);
    const perStep = Object.fromEntries(Object.keys(few).map((name) => [name, (many[name] - few[name]) / 6]));
    expect(perStep).toEqual({ conv: 1, map: 0, copy: 1, fill: 0, lstmStep: 1, matmul: 0, reduce: 0 });
  });
});

describe("#16 masking is missing", () => {
  it("a masked frame is as if it were not there: state stays, output is 0, gradient too, NaN or not", () => {
    const model = made();
    const x = frames(3, 1);
    const gap = cat([x.narrow(0, 0, 1), x.narrow(0, 1, 1).mul(Number.NaN), x.narrow(0, 2, 1)]).requiresGrad_(true);
    const [[output], [last]] = model.forward(gap, undefined, { mask: [[1], [0], [1]] });
    const [[short], [end]] = model.forward(stack([x.select(0, 0), x.select(0, 2)]));
    expectClose([output.narrow(0, 0, 1), output.narrow(0, 2, 1), last.c], [...short.split(1), end.c]);
    expect(most(output.narrow(0, 1, 1))).toBe(0);
    const [gradient] = grad(output.sum(), [gap]);
    expect([0, 1, 2].map((t) => most(gradient.select(0, t)) > 0)).toEqual([true, false, true]);
  });
});

describe("#17 optimizers cannot be saved, trainings not resumed", () => {
  it("a training that went through files gives the weights of one that was never interrupted, to the bit", async () => {
    const data = new Generator(4);
    const batches = Array.from({ length: 6 }, () => rand([3, 1, 1, 4, 4], { generator: data }));
    const start = (): { model: EncoderForecaster; optimizer: Adam } => {
      const model = new EncoderForecaster({
        inputChannels: 1,
        hiddenChannels: [2, 2],
        kernelSize: 3,
        generator: new Generator(1),
      });
      return { model, optimizer: new Adam(model.parameters(), { lr: 0.02 }) };
    };
    const train = ({ model, optimizer }: ReturnType<typeof start>, some: readonly Tensor[]): void => {
      for (const batch of some) {
        optimizer.zeroGrad();
        bceWithLogits(model.forward(batch, 3), batch).backward();
        optimizer.step();
      }
    };
    const whole = start();
    train(whole, batches);
    const half = start();
    train(half, batches.slice(0, 3));
    const { state, groups } = half.optimizer.stateDict();
    const files = [await tensorsToSafetensors(half.model.stateDict()), await tensorsToSafetensors(state)];
    const json = JSON.stringify(groups);
    const resumed = start();
    train(resumed, batches.slice(4));
    resumed.model.loadStateDict(tensorsFromSafetensors(files[0]).tensors);
    resumed.optimizer.loadStateDict({ state: tensorsFromSafetensors(files[1]).tensors, groups: JSON.parse(json) });
    train(resumed, batches.slice(3));
    const weights = ({ model }: ReturnType<typeof start>): unknown =>
      model.namedParameters().map(([name, weight]) => [name, weight.toArray()]);
    expect(weights(resumed)).toEqual(weights(whole));
    expect(weights(resumed)).not.toEqual(weights(half));
  });
});

describe("#20 no official ConvLSTM in a torch-like library", () => {
  it("it stands beside other modules, and learns: a pixel that wanders is where it will be", () => {
    manualSeed(2);
    const layers = new ConvLSTM({ inputChannels: 1, hiddenChannels: 4, kernelSize: 3, returnSequences: false });
    const head = new Conv2d({ inChannels: 4, outChannels: 1, kernelSize: 1 });
    const optimizer = new Adam([...layers.parameters(), ...head.parameters()], { lr: 0.05 });
    // Eight samples: a pixel starts in any column and goes one to the right at each step.
    const width = 8;
    const at = (t: number): number[][] => Array.from({ length: width }, (_, n) => oneAt((n + t) % width, width));
    const image = (t: number): Tensor => tensor(at(t)).reshape([width, 1, 1, width]);
    const [past, next] = [stack([image(0), image(1)]), image(2)];
    const step = (): number => {
      const loss = bceWithLogits(head.forward(layers.forward(past)[0][0]), next);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.itemSync();
    };
    const first = step();
    for (let k = 0; k < 60; k++) step();
    expect(step()).toBeLessThan(0.4 * first);
  });
});

function oneAt(index: number, length: number): number[] {
  return Array.from({ length }, (_, k) => (k === index ? 1 : 0));
}
