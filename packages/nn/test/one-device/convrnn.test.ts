// One device: the CPU, in float64.
import { ConvRNN, ConvRNNCell, type ConvRNNCellOptions, fromConfig } from "@squall/nn";
import { Generator, matmul, stack, tensor, zeros } from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose as expectNumbers, ramp } from "../pytorch.ts";
import { refusal } from "../refusal.ts";
import { expectClose } from "./expectClose.ts";
import {
  cases,
  forCell,
  gateParts,
  inputOf,
  layerOutputs,
  leaf,
  loopOutputs,
  randomise,
} from "./recurrentArbitrary.ts";

describe("ConvRNNCell", () => {
  it("is its equation", () => {
    fc.assert(
      fc.property(cases, ({ options, batch }) => {
        const { generator, imageSize } = options;
        const [hiddenChannels] = options.hiddenChannels;
        const cell = new ConvRNNCell({ ...forCell(options), hiddenChannels, zoneout: 0 });
        randomise(cell.parameters(), generator);
        const spatial = cell.sizeOfStates("test", imageSize);
        const x = leaf([batch, cell.inputChannels, ...imageSize], generator);
        const h = leaf([batch, hiddenChannels, ...spatial], generator);
        const place = generator.getState();
        const after = cell.forward(x, { h });
        generator.setState(place);
        const { ofInput, ofState, norm, bias, plusBias } = gateParts(
          cell,
          x,
          cell.drawMasks(batch, imageSize, spatial),
        );
        const sum = plusBias(norm(0, ofInput(0).add(ofState(0, h))), bias(0));
        expectClose([after.h], [cell.activation(sum)]);
      }),
      { numRuns: 20 },
    );
  });

  it("refuses an activation of gates, in itself and in layers", () => {
    const options = { inputChannels: 1, hiddenChannels: 2, kernelSize: 3 };
    const odd: unknown = { ...options, recurrentActivation: "sigmoid" };
    const message =
      "ConvRNNCell: recurrentActivation squashes gates, but this cell has none; leave it out: activation squashes the state";
    expect(() => new ConvRNNCell(odd as ConvRNNCellOptions)).toThrow(refusal("ArgumentError", message));
    // @ts-expect-error types refuse it too
    expect(() => new ConvRNN({ ...options, recurrentActivation: "sigmoid" })).toThrow(message);
    // @ts-expect-error
    expect(() => new ConvRNN({ ...options, layers: [{ recurrentActivation: "sigmoid" }] })).toThrow(message);
  });

  it("refuses states that do not fit", () => {
    const cell = new ConvRNNCell({ inputChannels: 2, hiddenChannels: 3, kernelSize: 3 });
    expect(() => cell.forward(zeros([1, 2, 4, 4]), { h: zeros([1, 3, 4, 4], { dtype: "float64" }) })).toThrow(
      refusal(
        "DTypeError",
        'ConvRNNCell: state h is float64 but the weights are float32; convert it with to("float32"), or the model with model.to("float64")',
      ),
    );
    expect(() => cell.stateOf([])).toThrow(refusal("ArgumentError", "ConvRNNCell: a state has one part, h"));
  });
});

describe("ConvRNN", () => {
  it("equals a loop of its cells", () => {
    fc.assert(
      fc.property(cases, (problem) => {
        const model = new ConvRNN(problem.options);
        randomise(model.parameters(), problem.options.generator);
        const x = inputOf(problem);
        const [layer, loop] = [layerOutputs(model, x, problem.options), loopOutputs(model, x, problem)];
        expectClose(layer(), loop());
      }),
      { numRuns: 20 },
    );
  });

  it("has the gradients of finite differences, of first and second order", () => {
    fc.assert(
      fc.property(cases, (problem) => {
        const model = new ConvRNN(problem.options);
        randomise(model.parameters(), problem.options.generator);
        const x = inputOf(problem);
        const outputs = layerOutputs(model, x, problem.options);
        gradcheck(outputs, [x, ...model.parameters()], { mode: "projection" });
        gradgradcheck(outputs, [x, ...model.parameters()], { mode: "projection" });
      }),
      { numRuns: 6 },
    );
  });

  it("has a config", () => {
    const model = new ConvRNN({ inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, activation: "relu" });
    const again = fromConfig(model.config);
    expect(again).toBeInstanceOf(ConvRNN);
    expect(again.config).toEqual(model.config);
    expect(() => fromConfig({ ...model.config, recurrentActivation: "sigmoid" })).toThrow(
      refusal(
        "ArgumentError",
        "ConvRNNCell: recurrentActivation squashes gates, but this cell has none; leave it out: activation squashes the state",
      ),
    );
  });

  it("is a plain RNN on a 1x1 grid with a 1x1 kernel", () => {
    const sizes = fc.record({
      inputs: fc.integer({ min: 1, max: 4 }),
      hidden: fc.integer({ min: 1, max: 4 }),
      steps: fc.integer({ min: 1, max: 4 }),
      batch: fc.integer({ min: 1, max: 3 }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(sizes, ({ inputs, hidden, steps, batch, seed }) => {
        const generator = new Generator(seed);
        const options = { inputChannels: inputs, hiddenChannels: hidden, kernelSize: 1, generator } as const;
        const model = new ConvRNN({ ...options, dtype: "float64" });
        randomise(model.parameters(), generator);
        const { inputWeight, stateWeight, bias } = model.cells.at(0);
        if (inputWeight === undefined || bias === undefined) throw new Error("the cell lacks a weight");
        const x = leaf([steps, batch, inputs], generator);
        const [[output]] = model.forward(x.reshape([steps, batch, inputs, 1, 1]));
        const wx = inputWeight.reshape([hidden, inputs]).transpose(0, 1);
        const wh = stateWeight.reshape([hidden, hidden]).transpose(0, 1);
        let h = zeros([batch, hidden], { dtype: "float64" });
        const expected = x.unbind(0).map((frame) => {
          h = matmul(frame, wx).add(matmul(h, wh)).add(bias).tanh();
          return h;
        });
        expectClose([output.reshape([steps, batch, hidden])], [stack(expected)]);
      }),
      { numRuns: 20 },
    );
  });

  it("gives PyTorch's numbers there", () => {
    // The fixture is of PyTorch 2.13, with `ramp` of ../pytorch.ts:
    //   m = nn.RNN(2, 3)
    //   for i, p in enumerate(m.parameters()): p.copy_(ramp(*p.shape) * (i + 1) / 4)
    //   x = ramp(3, 2, 2).requires_grad_(); h = (ramp(1, 2, 3) / 2).requires_grad_()
    //   y, last = m(x, h)
    //   (y * torch.cos(torch.arange(y.numel()) * 0.9).reshape(y.shape)).sum().backward()
    //   print(y, x.grad, m.bias_hh_l0.grad)
    const model = new ConvRNN({ inputChannels: 2, hiddenChannels: 3, kernelSize: 1, dtype: "float64" });
    model.loadStateDict({
      "cells.0.inputWeight": ramp(3, 2, 1, 1).mul(0.25),
      "cells.0.stateWeight": ramp(3, 3, 1, 1).mul(0.5),
      "cells.0.bias": ramp(3).mul(0.75 + 1),
    });
    const x = ramp(3, 2, 2, 1, 1).requiresGrad_();
    const [[y]] = model.forward(x, [{ h: ramp(2, 3, 1, 1).mul(0.5) }]);
    y.backward(
      tensor(
        Float64Array.from({ length: 18 }, (_, k) => Math.cos(k * 0.9)),
        { shape: y.shape },
      ),
    );
    expectNumbers(
      y,
      [
        0.7796270762538, 0.88698359990656, -0.76805536846173, 0.32165393843787, 0.97468660064522, -0.71137976325308,
        0.89082702754452, 0.82718165731684, -0.91920864218824, 0.78175158613551, 0.94679861266759, -0.94698253081906,
        0.87747594704187, 0.81107639824389, -0.93798852780857, 0.85493539240866, 0.89781368665483, -0.96810397719953,
      ],
    );
    expectNumbers(
      x.grad,
      [
        -0.005010844756712, 0.036967690598918, -0.073199725884278, -0.18059730405712, -0.014975438008973,
        -0.023538078861217, -0.011747193367225, -0.013247859381643, -0.01076366807733, -0.035405486908134,
        0.0079998903094047, 0.037699194171615,
      ],
    );
    expectNumbers(model.cells.at(0).bias?.grad, [-0.27269934676542, 0.52793544413673, -0.096685139667299]);
  });
});
