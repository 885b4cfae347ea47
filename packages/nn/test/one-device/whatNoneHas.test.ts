// What no other system had when the project began (numbers as in its list of features), as far as it is about ConvLSTM. One device: the CPU.
//
// The others: 8 gradcheck: packages/testing/test/one-device/gradcheck.test.ts. 9 second derivatives: complaintsOfLibraries.test.ts #11. 10, 11 convolutions
// there and back on the GPU and the CPU: packages/gpu/test, packages/cpu/test, bench. 12 files: packages/io/test. 13 schedules and clipping:
// packages/optim/test. 14 Moving-MNIST: examples/moving-digits/test. 15 float64: what these tests compute in.
import {
  Bidirectional,
  bceWithLogits,
  ConvLSTM,
  type ConvLSTMOptions,
  convLSTMFormats,
  EncoderForecaster,
  exportConvLSTM,
  type GateOrder,
  importConvLSTM,
  type LSTMState,
  PixelShuffle,
  PixelUnshuffle,
  truncatedBPTT,
} from "@squall/nn";
import { SGD } from "@squall/optim";
import { cat, Generator, grad, rand, randn, type Tensor } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
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
const partsOf = (states: readonly LSTMState[]): Tensor[] => states.flatMap(({ h, c }) => [h, c]);

describe("1: ConvLSTM in an autograd library of pure TypeScript", () => {
  it.each([1, 2, 3] as const)("loss.backward() gives the gradients, over %i axes, with peepholes", (spatialDims) => {
    const model = made({ spatialDims, peephole: "channel" });
    const x = random([2, 1, 1, ...[3, 2, 2].slice(0, spatialDims)]).requiresGrad_(true);
    model.forward(x)[0][0].square().sum().backward();
    for (const each of [x, ...model.parameters()]) expect(each.grad?.shape).toEqual(each.shape);
    gradcheck(() => model.forward(x)[0], [x, ...model.parameters()], { mode: "projection" });
  });
});

describe("2: the paper's own cell, complete and trainable", () => {
  it("has a peephole weight per channel, kernels of their own for input and state, and the counts of the paper", () => {
    // Parameters: k_x²·C·4H + k_h²·H·4H + 4H + 3H.
    const [C, H, kx, kh] = [16, 8, 5, 3];
    const cell = new ConvLSTM({
      inputChannels: C,
      hiddenChannels: H,
      kernelSize: kx,
      stateKernelSize: kh,
      peephole: "channel",
    });
    expect(cell.parameterCount()).toBe(kx ** 2 * C * 4 * H + kh ** 2 * H * 4 * H + 4 * H + 3 * H);
    // The net for radar echoes; those of table 1 are in encoderForecaster.test.ts.
    const radar = new EncoderForecaster({
      inputChannels: 4,
      hiddenChannels: [64, 64],
      kernelSize: 3,
      peephole: "channel",
    });
    expect(radar.parameterCount()).toBe(896_260);
  });
});

describe("3: the paper's encoding-forecasting network as a module", () => {
  it("trains over patches, with unequal hidden sizes, to more frames than it was given", () => {
    const generator = new Generator(2);
    const [patches, pixels] = [new PixelUnshuffle({ downscaleFactor: 2 }), new PixelShuffle({ upscaleFactor: 2 })];
    const model = new EncoderForecaster({ inputChannels: 4, hiddenChannels: [6, 4], kernelSize: 3, generator });
    const frameWise = (layer: PixelUnshuffle | PixelShuffle, x: Tensor): Tensor => {
      const y = layer.forward(x.reshape([-1, ...x.shape.slice(2)]));
      return y.reshape([x.shape[0], x.shape[1], ...y.shape.slice(1)]);
    };
    const [past, future] = [rand([2, 2, 1, 8, 8], { generator }), rand([3, 2, 1, 8, 8], { generator }).round()];
    const optimizer = new SGD(model.parameters(), { lr: 0.5 });
    const step = (): number => {
      const forecast = frameWise(pixels, model.forward(frameWise(patches, past), 3));
      expect(forecast.shape).toEqual(future.shape);
      const loss = bceWithLogits(forecast, future);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.itemSync();
    };
    const first = step();
    for (let k = 0; k < 20; k++) step();
    expect(step()).toBeLessThan(first);
    expectClose([frameWise(pixels, frameWise(patches, past))], [past], 1e-15);
  });
});

describe("4: peepholes by option, weights of every port by the order of its gates", () => {
  it("one class has none, one weight per channel, one per position, or a convolution", () => {
    const shapes = (["none", "channel", "full", "conv"] as const).map((peephole) => {
      const model = made({ hiddenChannels: 2, peephole, imageSize: [4, 3] });
      expect(model.forward(frames(2, 1))[0][0].shape).toEqual([2, 1, 2, 4, 3]);
      return model.cells.at(0).peephole?.shape;
    });
    expect(shapes).toEqual([undefined, [3, 2, 1, 1], [3, 2, 4, 3], [6, 2, 3, 3]]);
  });

  it.each<GateOrder>(["ifog", "ifgo", "igfo"])("weights in the order %s compute the same", (gateOrder) => {
    const model = made({ hiddenChannels: 2 });
    const { inputWeight, stateWeight, bias } = model.cells.at(0);
    if (inputWeight === undefined || bias === undefined) throw new Error("the cell lacks a weight");
    const reordered = (weight: Tensor): Tensor => {
      const ours = weight.detach().chunk(4, 0);
      return cat([...gateOrder].map((gate) => ours["ifog".indexOf(gate)]));
    };
    const theirs = {
      "cell_list.0.conv.weight": cat([reordered(inputWeight), reordered(stateWeight)], 1),
      "cell_list.0.conv.bias": reordered(bias),
    };
    const other = new ConvLSTM({ ...common, hiddenChannels: 2 });
    other.loadStateDict(importConvLSTM(theirs, "fused", { gateOrder }));
    expectClose(other.forward(frames(2, 1))[0], model.forward(frames(2, 1))[0], 1e-15);
  });

  it("every format that is known by name is written and read", () => {
    const model = made({ hiddenChannels: 2 });
    for (const format of Object.keys(convLSTMFormats) as (keyof typeof convLSTMFormats)[]) {
      const other = new ConvLSTM({ ...common, hiddenChannels: 2 });
      other.loadStateDict(importConvLSTM(exportConvLSTM(model.stateDict(), format), format));
      expectClose(other.forward(frames(2, 1))[0], model.forward(frames(2, 1))[0], 1e-14);
    }
  });
});

describe("5: states of several layers that are carried, reset sample by sample, saved, and fit other batches", () => {
  it("resetState(mask) starts the chosen samples anew, the others go on", () => {
    const [x, y] = [frames(2, 2), frames(2, 2, 2)];
    const [model, gone] = [made({ stateful: true }), made({ stateful: true })];
    for (const each of [model, gone]) each.forward(x);
    model.resetState([true, false]);
    const output = model.forward(y)[0][0];
    const expected = [made().forward(y)[0][0].narrow(1, 0, 1), gone.forward(y)[0][0].narrow(1, 1, 1)];
    expectClose(output.split(1, 1), expected);
  });

  it("after resetState() batches and images may have another size; detachState() ends gradients; checkpoints hold states", () => {
    const model = made({ stateful: true, detachCarried: false, saveState: true });
    const x = frames(2, 1).requiresGrad_(true);
    model.forward(x);
    const saved = Object.entries(model.stateDict()).filter(([name]) => name.startsWith("states."));
    expect(saved.map(([name]) => name)).toEqual(["states.0.h", "states.0.c", "states.1.h", "states.1.c"]);
    const [gradient] = grad(model.forward(frames(1, 1))[0][0].sum(), [x], { retainGraph: true });
    expect(gradient.abs().min().itemSync()).toBeGreaterThan(0);
    model.detachState();
    expect(() => grad(model.forward(frames(1, 1))[0][0].sum(), [x])).toThrow("do not depend on input 0");
    model.resetState();
    expect(model.forward(random([1, 4, 1, 2, 5]))[0][0].shape).toEqual([1, 4, 3, 2, 5]);
  });
});

describe("6: truncated backpropagation through time, and checkpoints over time", () => {
  const gradients = (model: ConvLSTM): (Tensor | undefined)[] => model.parameters().map((parameter) => parameter.grad);

  it("checkpoints give the gradients of the whole", () => {
    const [plain, some] = [made(), made({ checkpoint: 2 })];
    for (const model of [plain, some]) model.forward(frames(5, 1))[0][0].square().sum().backward();
    expectClose(gradients(some), gradients(plain));
  });

  it("chunks carry states on and detach them; one chunk is the whole", () => {
    const x = frames(4, 1);
    const byChunks = (chunkSteps: number): [ConvLSTM, LSTMState[]] => {
      const model = made();
      const { states } = truncatedBPTT(model, x, { chunkSteps }, ({ outputs: [hidden] }) => {
        hidden.square().sum().backward();
      });
      return [model, states];
    };
    const whole = made();
    const [[output], states] = whole.forwardAll(x);
    output.square().sum().backward();
    const [[one, end], [two, last]] = [byChunks(4), byChunks(2)];
    expectClose(gradients(one), gradients(whole));
    expectClose([...partsOf(end), ...partsOf(last)], [...partsOf(states), ...partsOf(states)]);
    // Gradients that end in the middle are others.
    expect(two.cells.at(0).stateWeight.grad?.toArray()).not.toEqual(one.cells.at(0).stateWeight.grad?.toArray());
  });
});

describe("7: samples of different lengths, in both directions", () => {
  it("the backward direction starts at each sample's own end", () => {
    const make = (): Bidirectional<LSTMState> => {
      const model = new Bidirectional((direction) => new ConvLSTM({ ...common, ...direction }));
      randomise(model, new Generator(4));
      return model;
    };
    const x = frames(4, 2);
    const [[output]] = make().forward(x, undefined, { lengths: [4, 2] });
    const [[alone]] = make().forward(x.narrow(1, 1, 1).narrow(0, 0, 2));
    expectClose([output.narrow(1, 1, 1).narrow(0, 0, 2)], [alone]);
    expect(output.narrow(1, 1, 1).narrow(0, 2, 2).abs().max().itemSync()).toBe(0);
  });
});

// For any sizes, gradients too: convlstm.test.ts.
describe("16: the special cases that the paper speaks of are tested", () => {
  it("on a grid of one pixel it is the LSTM of fully connected layers", () => {
    const model = made({ hiddenChannels: 1 });
    const { inputWeight, stateWeight, bias } = model.cells.at(0);
    // Of a 3x3 kernel only the middle meets the pixel.
    const middle = (weight: Tensor | undefined): number[] => [
      ...(weight?.narrow(2, 1, 1).narrow(3, 1, 1).dataSync() ?? []),
    ];
    const [wx, wh, b] = [middle(inputWeight), middle(stateWeight), [...(bias?.dataSync() ?? [])]];
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const x = random([4, 1, 1, 1, 1]);
    let [h, c] = [0, 0];
    const expected = [...x.dataSync()].map((value) => {
      const [i, f, o, g] = b.map((each, k) => each + wx[k] * value + wh[k] * h);
      c = sigmoid(f) * c + sigmoid(i) * Math.tanh(g);
      h = sigmoid(o) * Math.tanh(c);
      return h;
    });
    const ours = [...model.forward(x)[0][0].dataSync()];
    for (const [k, value] of ours.entries()) expect(value).toBeCloseTo(expected[k], 13);
  });

  it("cell by cell is the layer", () => {
    const model = made({ returnAllLayers: true, peephole: "channel" });
    const x = frames(3, 2);
    const [outputs, states] = model.forward(x);
    const now: (LSTMState | undefined)[] = [undefined, undefined];
    for (const [t, frame] of x.unbind(0).entries()) {
      let below: Tensor = frame;
      for (const layer of [0, 1]) {
        const state = model.cells.at(layer).forward(below, now[layer]);
        now[layer] = state;
        below = state.h;
        expectClose([below], [outputs[layer].select(0, t)]);
      }
    }
    expectClose(partsOf(now.filter((state) => state !== undefined)), partsOf(states));
  });
});
