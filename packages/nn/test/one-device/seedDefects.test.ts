// Defects of well-known ConvLSTM code (the project's seeds) that this one does not have. One device: the CPU.
import { ConvLSTM, ConvLSTMCell } from "@squall/nn";
import { SGD } from "@squall/optim";
import { Generator, randn, type Tensor, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { randomise } from "./convlstmArbitrary.ts";

describe("seed 0", () => {
  it("(a) returns the states of all layers when asked, fit to go on with", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, returnAllLayers: true });
    const [, states] = model.forward(randn([2, 1, 1, 4, 4]));
    expect(states.map(({ h, c }) => [h.shape, c.shape])).toEqual([
      [
        [1, 2, 4, 4],
        [1, 2, 4, 4],
      ],
      [
        [1, 3, 4, 4],
        [1, 3, 4, 4],
      ],
    ]);
    expect(() => model.forward(randn([2, 1, 1, 4, 4]), states)).not.toThrow();
  });

  it("(b) lets states be detached, so that chunks can be trained one after the other", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    const [[first], states] = model.forward(randn([2, 1, 1, 4, 4]));
    first?.sum().backward();
    const carried = states.map(({ h, c }) => ({ h: h.detach(), c: c.detach() }));
    const [[second]] = model.forward(randn([2, 1, 1, 4, 4]), carried);
    expect(() => second?.sum().backward()).not.toThrow();
  });

  it("(c) checks the batch and image size of given states", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    const [, states] = model.forward(randn([2, 1, 1, 4, 4]));
    expect(() => model.forward(randn([2, 3, 1, 4, 4]), states)).toThrow(
      "state h has shape [1,2,4,4] but [N,H,…] = [3,2,4,4] is needed",
    );
  });

  it("(d) keeps nothing between calls: given states change no later result", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    const x = randn([2, 1, 1, 4, 4]);
    const before = model.forward(x)[0][0]?.toArray();
    model.forward(x, [{ h: randn([1, 2, 4, 4]), c: randn([1, 2, 4, 4]) }]);
    expect(model.forward(x)[0][0]?.toArray()).toEqual(before);
  });

  it("(e) takes one number as kernel size", () => {
    const model = new ConvLSTM({ inputChannels: 2, hiddenChannels: 4, kernelSize: 3, numLayers: 1, batchFirst: true });
    expect(model.cells.at(0).stateWeight.shape).toEqual([16, 4, 3, 3]);
    expect(model.forward(zeros([2, 3, 2, 8, 8]))[0][0]?.shape).toEqual([2, 3, 4, 8, 8]);
  });

  it("(f) keeps the image size with even kernels", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: [2, 4], stateKernelSize: [4, 2] });
    expect(model.forward(zeros([2, 1, 1, 5, 6]))[0][0]?.shape).toEqual([2, 1, 2, 5, 6]);
  });

  it("(g) has the peepholes of its equations, the output gate's on the new cell state", () => {
    const cell = new ConvLSTMCell({
      inputChannels: 1,
      hiddenChannels: 1,
      kernelSize: 1,
      peephole: "channel",
      dtype: "float64",
      bias: false,
    });
    for (const weight of [cell.inputWeight, cell.stateWeight]) weight?.requiresGrad_(false).fill_(0);
    cell.peephole?.requiresGrad_(false).copy_(randn([3, 1, 1, 1], { dtype: "float64", generator: new Generator(3) }));
    const [pi = 0, pf = 0, po = 0] = cell.peephole?.dataSync() ?? [];
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const c = 0.7;
    // All convolutions are 0, so the candidate is tanh(0) = 0 and the input gate does not matter.
    const next = sigmoid(pf * c) * c + sigmoid(pi * c) * 0;
    const state = cell.forward(zeros([1, 1, 1, 1], { dtype: "float64" }), {
      h: zeros([1, 1, 1, 1], { dtype: "float64" }),
      c: zeros([1, 1, 1, 1], { dtype: "float64" }).add(c),
    });
    expect(state.c.itemSync()).toBeCloseTo(next, 14);
    expect(state.h.itemSync()).toBeCloseTo(sigmoid(po * next) * Math.tanh(next), 14);
  });

  it("(h) gives outputs in the layout of the input", () => {
    for (const [batchFirst, shape] of [
      [false, [3, 2, 1, 4, 4]],
      [true, [2, 3, 1, 4, 4]],
    ] as const) {
      const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 5, kernelSize: 3, batchFirst });
      expect(model.forward(zeros(shape))[0][0]?.shape).toEqual([...shape.slice(0, 2), 5, ...shape.slice(3)]);
    }
  });
});

describe("seed 1", () => {
  it("puts the forget bias into the bias itself, once, at initialization", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    const bias = model.cells.at(0).bias;
    bias?.requiresGrad_(false).fill_(0);
    // With all biases 0 and no signal the gates are σ(0) = 1/2: nothing is added at run time.
    const c = zeros([1, 2, 2, 2]).add(1);
    const [, [last]] = model.forward(zeros([1, 1, 1, 2, 2]), [{ h: zeros([1, 2, 2, 2]), c }]);
    expect([...new Set(last?.c.dataSync())]).toEqual([0.5]);
  });

  it("has one bias per gate, not two", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    expect(Object.keys(model.stateDict())).toEqual(["cells.0.inputWeight", "cells.0.stateWeight", "cells.0.bias"]);
  });
});

describe("seed 2", () => {
  it.each(["channel", "full"] as const)("(a) trains and saves %s peepholes", (peephole) => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, peephole, imageSize: [4, 4] });
    randomise(model, new Generator(1));
    const before = model.cells.at(0).peephole?.toArray();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const [[output]] = model.forward(randn([3, 1, 1, 4, 4]));
    output?.square().sum().backward();
    optimizer.step();
    const after = model.cells.at(0).peephole;
    expect(after?.toArray()).not.toEqual(before);
    expect(Object.keys(model.stateDict())).toContain("cells.0.peephole");
    // To another dtype and back it stays a parameter that trains.
    model.to("float64").to("float32");
    expect(model.parameters()).toContain(after);
  });

  it("(b) gives every gate a bias that learns", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    const [[output]] = model.forward(randn([3, 1, 1, 4, 4]));
    output?.square().sum().backward();
    const gradient: Tensor | undefined = model.cells.at(0).bias?.grad;
    expect(gradient?.shape).toEqual([8]);
    expect(gradient?.abs().min().itemSync()).toBeGreaterThan(0);
  });
});
