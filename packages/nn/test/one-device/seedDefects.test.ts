// Defects of well-known ConvLSTM code (the project's seeds) that this one does not have. One device: the CPU, and the proxy where something moves.
import {
  bce,
  bceWithLogits,
  ConvLSTM,
  ConvLSTMCell,
  type ConvLSTMOptions,
  EncoderForecaster,
  importConvLSTM,
} from "@squall/nn";
import { SGD } from "@squall/optim";
import { cat, conv2d, Generator, grad, randn, type Tensor, tensor, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { randomise } from "./convlstmArbitrary.ts";
import { deadWeights } from "./deadWeights.ts";
import { expectClose } from "./expectClose.ts";

const common: ConvLSTMOptions = { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, dtype: "float64" };

/** Always the same weights for the same options. By default of two layers, of which only the last is returned. */
function made(options: Partial<ConvLSTMOptions> = {}): ConvLSTM {
  const model = new ConvLSTM({ ...common, ...options });
  randomise(model, new Generator(7));
  return model;
}

const frames = (steps: number, batch: number, seed = 1): Tensor =>
  randn([steps, batch, 1, 4, 3], { dtype: "float64", generator: new Generator(seed) });

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe("seed 0", () => {
  it.each([[[2, 3]], [[2, 2]]])(
    "(a) a stateful model of %j channels, returning the last layer only, goes on with each layer's own state",
    (hiddenChannels) => {
      const x = frames(4, 2);
      const [[whole], [end]] = made({ hiddenChannels }).forward(x);
      const model = made({ hiddenChannels, stateful: true });
      expect(model.returnAllLayers).toBe(false);
      const calls = x.split(1).map((frame) => model.forward(frame));
      expect(calls.map(([outputs, states]) => [outputs.length, states.length])).toEqual(calls.map(() => [1, 1]));
      expectClose([cat(calls.map(([[output]]) => output))], [whole]);
      expectClose([calls[3][1][0].h, calls[3][1][0].c], [end.h, end.c]);
    },
  );

  it("(b) stored states are detached: a second backward works, and no graph grows", () => {
    const train = (model: ConvLSTM): void => {
      for (const seed of [1, 2])
        model
          .forward(frames(2, 1, seed))[0][0]
          .square()
          .sum()
          .backward();
    };
    const model = made({ stateful: true });
    expect(() => train(model)).not.toThrow();
    expect(model.carriedStates?.flatMap(({ h, c }) => [h.requiresGrad, c.requiresGrad])).toEqual(Array(4).fill(false));
    // Kept in the graph on request only; then it is the seed's error.
    expect(() => train(made({ stateful: true, detachCarried: false }))).toThrow("retainGraph");
  });

  it("(c) stored states can be reset", () => {
    const model = made({ stateful: true });
    const [[first]] = model.forward(frames(2, 1));
    expect(model.forward(frames(2, 1))[0][0].toArray()).not.toEqual(first.toArray());
    model.resetState();
    expect(model.forward(frames(2, 1))[0][0].toArray()).toEqual(first.toArray());
  });

  it("(c) stored and given states are checked against batch and image size", () => {
    const model = made({ stateful: true });
    const [, given] = model.forwardAll(frames(2, 1));
    expect(() => model.forward(frames(2, 3))).toThrow(
      "the states carried over from the last call are [1,2,4,3] in layer 0 but this input needs [N,H,…] = [3,2,4,3]; call resetState() before a batch or image of another size",
    );
    expect(() => model.forward(zeros([2, 1, 1, 4, 4], { dtype: "float64" }))).toThrow("[N,H,…] = [1,2,4,4]");
    expect(() => made().forward(frames(2, 3), given)).toThrow(
      "ConvLSTM layer 0: state h has shape [1,2,4,3] but [N,H,…] = [3,2,4,3] is needed",
    );
  });

  it("(c) stored states are in the state dict on request", () => {
    const model = made({ stateful: true, saveState: true });
    model.forward(frames(2, 1));
    const resumed = made({ stateful: true, saveState: true });
    resumed.loadStateDict(model.stateDict());
    expect(resumed.forward(frames(2, 1, 2))[0][0].toArray()).toEqual(model.forward(frames(2, 1, 2))[0][0].toArray());
    expect(Object.keys(made({ stateful: true }).stateDict())).toEqual(Object.keys(made().stateDict()));
  });

  it("(c) stored states move with to(), to a dtype and to a device", async () => {
    const [x, y] = [frames(2, 1), frames(2, 1, 2)];
    const model = made({ stateful: true });
    model.forward(x);
    const expected = made().forward(cat([x, y]))[0][0];
    const device = proxyDevice();
    model.to("float32").to(device);
    expect(model.carriedStates?.map(({ h, c }) => [h.device, c.device])).toEqual(Array(2).fill([device, device]));
    const output = await model.forward(y.to("float32").to(device))[0][0].detach().toAsync(expected.device);
    expectClose([output.to("float64")], [expected.narrow(0, 2, 2)], 1e-5);
  });

  it("(d) given states change no later call", () => {
    const x = frames(2, 1);
    const [, given] = made().forwardAll(frames(3, 1, 2));
    const model = made();
    const before = model.forward(x)[0][0].toArray();
    expect(model.forward(x, given)[0][0].toArray()).not.toEqual(before);
    expect(model.forward(x)[0][0].toArray()).toEqual(before);
  });

  it("(d) a stateful model goes on from the end of a call with given states, not from them", () => {
    const [x, y] = [frames(2, 1), frames(2, 1, 2)];
    const [, given] = made().forwardAll(frames(3, 1, 3));
    const model = made({ stateful: true });
    model.forward(x);
    model.forward(x, given);
    expectClose(
      [model.forward(y)[0][0]],
      [
        made()
          .forward(cat([x, y]), given)[0][0]
          .narrow(0, 2, 2),
      ],
    );
  });

  it("(e) the example of its docstring runs: one number is a kernel size", () => {
    const x = zeros([2, 3, 64, 8, 8]);
    const model = new ConvLSTM({
      inputChannels: 64,
      hiddenChannels: 16,
      kernelSize: 3,
      numLayers: 1,
      batchFirst: true,
      bias: true,
      returnAllLayers: false,
    });
    const [[output], [{ h }]] = model.forward(x);
    expect(model.cells.at(0).stateWeight.shape).toEqual([64, 16, 3, 3]);
    expect([output.shape, h.shape]).toEqual([
      [2, 3, 16, 8, 8],
      [2, 16, 8, 8],
    ]);
  });

  it("(f) even kernels keep the image size", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: [2, 4], stateKernelSize: [4, 2] });
    expect(model.forward(zeros([2, 1, 1, 5, 6]))[0][0].shape).toEqual([2, 1, 2, 5, 6]);
  });

  it("(g) the peepholes of its equations are there, the output gate's on the new cell state", () => {
    const options = { inputChannels: 1, hiddenChannels: 1, kernelSize: 1, dtype: "float64" } as const;
    const cell = new ConvLSTMCell({ ...options, peephole: "channel" });
    // All convolutions are 0; the candidate is tanh(0.4).
    const like = { dtype: "float64" } as const;
    for (const weight of cell.parameters()) weight.requiresGrad_(false).fill_(0);
    cell.bias?.copy_(tensor([0, 0, 0, 0.4], like));
    const [pi, pf, po, c] = [1.3, -0.6, 2.1, 0.7];
    cell.peephole?.copy_(tensor([pi, pf, po], { ...like, shape: [3, 1, 1, 1] }));
    const next = sigmoid(pf * c) * c + sigmoid(pi * c) * Math.tanh(0.4);
    const pixel = (value: number): Tensor => tensor([value], { ...like, shape: [1, 1, 1, 1] });
    const state = cell.forward(pixel(0), { h: pixel(0), c: pixel(c) });
    expect(state.c.itemSync()).toBeCloseTo(next, 14);
    expect(state.h.itemSync()).toBeCloseTo(sigmoid(po * next) * Math.tanh(next), 14);
  });

  it("(h) outputs, of all layers, come in the layout of the input", () => {
    for (const [batchFirst, shape] of [
      [false, [3, 2, 1, 4, 4]],
      [true, [2, 3, 1, 4, 4]],
    ] as const) {
      const model = new ConvLSTM({ ...common, batchFirst, returnAllLayers: true });
      const [outputs, states] = model.forward(zeros(shape, { dtype: "float64" }));
      expect(outputs.map((output) => output.shape)).toEqual([2, 3].map((h) => [...shape.slice(0, 2), h, 4, 4]));
      expect(states.map(({ c }) => c.shape)).toEqual([2, 3].map((h) => [2, h, 4, 4]));
    }
  });
});

describe("seed 1", () => {
  it("stride, padding and dilation are the input convolution's alone; states have its output size", () => {
    const inputConv = { stride: 2, padding: 2, dilation: 2 };
    const model = made({ hiddenChannels: 2, ...inputConv });
    const { inputWeight, stateWeight, bias } = model.cells.at(0);
    if (inputWeight === undefined || bias === undefined) throw new Error("the cell lacks a weight");
    const x = randn([3, 2, 1, 9, 7], { dtype: "float64" });
    let [h, c] = [zeros([2, 2, 5, 4], { dtype: "float64" }), zeros([2, 2, 5, 4], { dtype: "float64" })];
    for (const frame of x.unbind(0)) {
      const gates = conv2d(frame, inputWeight, bias, inputConv).add(conv2d(h, stateWeight, undefined, { padding: 1 }));
      const [i, f, o, g] = gates.chunk(4, 1);
      c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
      h = o.sigmoid().mul(c.tanh());
    }
    const [[output], [last]] = model.forward(x);
    expect(output.shape).toEqual([3, 2, 2, 5, 4]);
    expectClose([last.h, last.c], [h, c]);
  });

  it("the forget bias stands in the bias itself, once, at initialization", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    const { bias } = model.cells.at(0);
    expect(bias?.toArray()).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
    bias?.requiresGrad_(false).fill_(0);
    // With all biases 0 and no signal the gates are σ(0) = 1/2: nothing is added at run time.
    const c = zeros([1, 2, 2, 2]).add(1);
    const [, [last]] = model.forward(zeros([1, 1, 1, 2, 2]), [{ h: zeros([1, 2, 2, 2]), c }]);
    expect([...new Set(last.c.dataSync())]).toEqual([0.5]);
  });

  it("the packed order is i, f, o, g", () => {
    const cell = new ConvLSTMCell({ inputChannels: 1, hiddenChannels: 1, kernelSize: 1, dtype: "float64" });
    cell.requiresGrad_(false);
    const [i, f, o, g, c] = [0.3, -1.1, 2.2, 0.8, 0.5];
    cell.bias?.copy_(tensor([i, f, o, g], { dtype: "float64" }));
    const nothing = zeros([1, 1, 1, 1], { dtype: "float64" });
    const after = cell.forward(nothing, { h: nothing, c: nothing.add(c) });
    const next = sigmoid(f) * c + sigmoid(i) * Math.tanh(g);
    expect(after.c.itemSync()).toBeCloseTo(next, 14);
    expect(after.h.itemSync()).toBeCloseTo(sigmoid(o) * Math.tanh(next), 14);
  });

  it("there is one bias per gate; its own two, its order i, g, f, o and its + 1 are read rightly", () => {
    const names = ["cells.0.inputWeight", "cells.0.stateWeight", "cells.0.bias"];
    const model = new ConvLSTM({
      inputChannels: 1,
      hiddenChannels: 1,
      kernelSize: 1,
      spatialDims: 1,
      dtype: "float64",
    });
    expect(Object.keys(model.stateDict())).toEqual(names);
    const numbers = (list: number[], shape: number[]): Tensor => tensor(list, { dtype: "float64", shape });
    const [w, u, b, d] = [
      [0.1, 0.2, 0.3, 0.4],
      [-0.5, 0.6, -0.7, 0.8],
      [0.9, -1, 1.1, -1.2],
      [1.3, 1.4, -1.5, -1.6],
    ];
    const theirs = {
      "input_to_hidden.w": numbers(w, [1, 1, 4]),
      "hidden_to_hidden.w": numbers(u, [1, 1, 4]),
      "input_to_hidden.b": numbers(b, [1, 4]),
      "hidden_to_hidden.b": numbers(d, [1, 4]),
    };
    model.loadStateDict(importConvLSTM(theirs, "brainpy"));
    const [x, h, c] = [0.7, -0.4, 0.9];
    const [i, g, f, o] = w.map((_, k) => w[k] * x + u[k] * h + b[k] + d[k]);
    const next = sigmoid(f + 1) * c + sigmoid(i) * Math.tanh(g);
    const state = { h: numbers([h], [1, 1, 1]), c: numbers([c], [1, 1, 1]) };
    const [, [last]] = model.forward(numbers([x], [1, 1, 1, 1]), [state]);
    expect(last.c.itemSync()).toBeCloseTo(next, 13);
    expect(last.h.itemSync()).toBeCloseTo(sigmoid(o) * Math.tanh(next), 13);
  });
});

describe("seed 2", () => {
  it.each(["channel", "full", "conv"] as const)("(a) %s peepholes are trained and saved", (peephole) => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, peephole, imageSize: [4, 4] });
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const step = (): void => {
      optimizer.zeroGrad();
      model
        .forward(randn([3, 1, 1, 4, 4]))[0][0]
        .square()
        .sum()
        .backward();
      optimizer.step();
    };
    const before = model.cells.at(0).peephole?.toArray();
    step();
    const first = model.cells.at(0).peephole?.toArray();
    expect(first).not.toEqual(before);
    expect(model.stateDict()["cells.0.peephole"].toArray()).toEqual(first);
    // Nothing sets it back to 0, and after a move it is still a leaf that learns.
    model.to("float64").to("float32");
    expect(model.cells.at(0).peephole?.toArray()).toEqual(first);
    step();
    expect(model.cells.at(0).peephole?.toArray()).not.toEqual(first);
  });

  it("(b) every gate has a bias that learns", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    model
      .forward(randn([3, 1, 1, 4, 4]))[0][0]
      .square()
      .sum()
      .backward();
    const gradient = model.cells.at(0).bias?.grad;
    expect(gradient?.shape).toEqual([8]);
    expect(gradient?.abs().min().itemSync()).toBeGreaterThan(0);
  });

  it("(c) the forecaster takes no input, and no weight of the model is dead", () => {
    const model = new EncoderForecaster({ ...common, peephole: "channel" });
    expect(model.forecaster.cells.at(0).inputWeight).toBeUndefined();
    expect(model.forecaster.inputChannels).toBe(0);
    bceWithLogits(model.forward(frames(3, 2), 3), frames(3, 2, 2).sigmoid()).backward();
    expect(model.parameters().length).toBe(4 * 4 - 1 + 2);
    expect(deadWeights(model)).toEqual([]);
  });

  it("(d) the loss and its gradient are finite for sure and wrong answers; it can be the sum of the paper", () => {
    const extreme = tensor([-1e4, 1e4, 1e4, -1e4], { requiresGrad: true });
    const target = tensor([1, 0, 1, 0]);
    const loss = bceWithLogits(extreme, target, { reduction: "sum" });
    loss.backward();
    expect(loss.itemSync()).toBe(2e4);
    expect(extreme.grad?.toArray()).toEqual([-1, 1, 0, 0]);
    // Of probabilities, as PyTorch has it: no logarithm below -100.
    const sure = tensor([0, 1, 1, 0], { requiresGrad: true });
    const bounded = bce(sure, target, { reduction: "sum" });
    bounded.backward();
    expect(bounded.itemSync()).toBe(200);
    expect(sure.grad?.dataSync().every(Number.isFinite)).toBe(true);
    const [p, t] = [
      [0.2, 0.7],
      [1, 0.25],
    ];
    const paper = -p.reduce((sum, each, k) => sum + t[k] * Math.log(each) + (1 - t[k]) * Math.log(1 - each), 0);
    const like = { dtype: "float64" } as const;
    expect(bce(tensor(p, like), tensor(t, like), { reduction: "sum" }).itemSync()).toBeCloseTo(paper, 13);
  });

  it("(e) the head mixes no samples of a batch, and reads layers of unequal hidden sizes", () => {
    const model = new EncoderForecaster({ ...common, hiddenChannels: [2, 3], batchFirst: true });
    randomise(model, new Generator(3));
    const x = frames(2, 3).transpose(0, 1);
    const apart = x.split(1).map((sample) => model.forward(sample, 2));
    expectClose([model.forward(x, 2)], [cat(apart)]);
    // The same from gradients: a sample's forecast does not depend on another's frames.
    const input = x.detach().requiresGrad_(true);
    const [gradient] = grad(model.forward(input, 2).narrow(0, 1, 1).sum(), [input]);
    expect([0, 1, 2].map((n) => gradient.select(0, n).abs().max().itemSync() > 0)).toEqual([false, true, false]);
  });

  it("(f) gradients of a summed loss are those of the mean times the number of elements", () => {
    const gradients = (["sum", "mean"] as const).map((reduction) => {
      const model = new EncoderForecaster({ ...common, hiddenChannels: 2, generator: new Generator(5) });
      bceWithLogits(model.forward(frames(2, 1), 3), frames(3, 1, 2).sigmoid(), { reduction }).backward();
      return model.parameters().map(({ grad }) => grad);
    });
    const count = 3 * 1 * 1 * 4 * 3;
    expectClose(
      gradients[0],
      gradients[1].map((gradient) => gradient?.mul(count)),
    );
  });
});
