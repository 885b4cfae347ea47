// Defects of the programs that the seeds came from: automan000/Convolutional_LSTM_PyTorch (the same frame at every step, a fixed device, a gradient
// check of the loss alone), OpenSTL (weights that nothing uses, a forget bias that does nothing) and jhhuang96/ConvLSTM-PyTorch (GRUs for who asks for LSTMs). One device: the CPU, and the proxy.
import { ConvGRU, ConvLSTM, ConvLSTMCell, type ConvLSTMOptions, ConvRNN, EncoderForecaster } from "@squall/nn";
import { cat, Generator, grad, noGrad, randn, type Tensor, zeros } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { randomise } from "./convlstmArbitrary.ts";
import { deadWeights } from "./deadWeights.ts";

const common: ConvLSTMOptions = { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, dtype: "float64" };

function made(options: Partial<ConvLSTMOptions> = {}): ConvLSTM {
  const model = new ConvLSTM({ ...common, ...options });
  randomise(model, new Generator(7));
  return model;
}

const frames = (steps: number, batch: number, seed = 1): Tensor =>
  randn([steps, batch, 1, 4, 3], { dtype: "float64", generator: new Generator(seed) });

describe("upstream of the seeds", () => {
  it("automan000: every step reads its own frame", () => {
    const model = made();
    const x = frames(3, 1).requiresGrad_(true);
    const run = (input: Tensor): Tensor => model.forward(input)[0][0];
    const [gradient] = grad(run(x).square().sum(), [x]);
    const effects = gradient.unbind(0).map((each) => each.toArray());
    for (const t of [0, 1, 2]) expect(gradient.select(0, t).abs().min().itemSync()).toBeGreaterThan(0);
    expect(effects[1]).not.toEqual(effects[0]);
    expect(effects[2]).not.toEqual(effects[1]);
    // Another frame at step 1 changes the outputs from there on, and none before.
    const changed = noGrad(() => cat([x.narrow(0, 0, 1), x.narrow(0, 1, 1).add(1), x.narrow(0, 2, 1)]));
    const difference = run(changed).sub(run(x)).abs();
    expect([0, 1, 2].map((t) => difference.select(0, t).max().itemSync() > 0)).toEqual([false, true, true]);
  });

  it("automan000: the model runs where it is put, its first states too", async () => {
    const device = proxyDevice();
    const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, device });
    const output = model.forward(randn([2, 1, 1, 4, 4], { device }), 2);
    expect(output.device).toBe(device);
    expect((await output.data()).every(Number.isFinite)).toBe(true);
  });

  it.each(["none", "channel", "full", "conv"] as const)(
    "automan000: gradients of the cell itself are checked, with peephole %s",
    (peephole) => {
      const options = { inputChannels: 2, hiddenChannels: 2, kernelSize: [3, 2], dtype: "float64" } as const;
      const cell = new ConvLSTMCell({ ...options, peephole, imageSize: [3, 2] });
      randomise(cell, new Generator(1));
      const leaf = (): Tensor => randn([1, 2, 3, 2], { dtype: "float64", requiresGrad: true });
      const [x, h, c] = [leaf(), leaf(), leaf()];
      const run = (): Tensor[] => cell.partsOf(cell.forward(x, { h, c }));
      gradcheck(run, [x, h, c, ...cell.parameters()]);
    },
  );

  it.each(["channel", "full", "conv"] as const)(
    "OpenSTL: all weights counted are used, with peephole %s",
    (peephole) => {
      const model = made({ peephole, norm: "group", learnedInitialState: true, imageSize: [4, 3] });
      model.forward(frames(3, 2))[0][0].square().sum().backward();
      expect(deadWeights(model)).toEqual([]);
      const [C, H, k] = [2, 3, 9];
      const plain = new ConvLSTM({ inputChannels: C, hiddenChannels: H, kernelSize: 3 });
      expect(plain.parameterCount()).toBe(k * C * 4 * H + k * H * 4 * H + 4 * H);
    },
  );

  it("OpenSTL: the forget bias that is asked for is at work", () => {
    for (const forgetBias of [-5, 0, 5]) {
      const options = { inputChannels: 1, hiddenChannels: 1, kernelSize: 1, dtype: "float64" } as const;
      const cell = new ConvLSTMCell({ ...options, forgetBias });
      const nothing = zeros([1, 1, 1, 1], { dtype: "float64" });
      const { c } = cell.forward(nothing, { h: nothing, c: nothing.add(1) });
      expect(c.itemSync()).toBeCloseTo(1 / (1 + Math.exp(-forgetBias)), 14);
    }
  });

  it.each([
    ["lstm", ConvLSTM],
    ["gru", ConvGRU],
    ["rnn", ConvRNN],
  ] as const)("jhhuang96: the kind of cell that is asked for, %s, is the one that is trained", (cell, Layer) => {
    const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, cell });
    expect([model.encoder, model.forecaster].map((part) => part.constructor)).toEqual([Layer, Layer]);
    expect(model.config.cell).toBe(cell);
  });
});
