// One device: the CPU. What an EncoderForecaster refuses, word by word.
import { EncoderForecaster, type EncoderForecasterOptions } from "@squall/nn";
import { zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const good = { inputChannels: 2, hiddenChannels: [3, 4], kernelSize: 3 } as const;
const op = "EncoderForecaster";

describe("an EncoderForecaster that makes no sense is refused at construction", () => {
  const cases: [Partial<Record<string, unknown>>, string][] = [
    [{ outputChannels: 0 }, "outputChannels must be a whole number >= 1, got 0"],
    [{ layers: [{}, {}, {}] }, "layers has options for 3 layers, but there are 2"],
    [{ kernelSize: [[3, 3]] }, "kernelSize has 1 kernels for 2 layers"],
    [
      { returnSequences: true },
      "returnSequences cannot be chosen: the encoder hands on states and the forecaster returns frames; leave it out",
    ],
    [{ goBackwards: true }, "goBackwards cannot be chosen: the encoder reads frames in their order; leave it out"],
    [{ stateful: true }, "stateful cannot be chosen: every call starts anew; leave it out"],
    [
      { layers: [{}, { stride: 2 }] },
      "layers[1].stride cannot be chosen: states must have the sizes that stages say; use stages; leave it out",
    ],
    [{ layerOrder: "reverse" }, 'layerOrder must be one of "same", "mirrored", got "reverse"'],
    [{ head: "first" }, 'head must be one of "all", "last", got "first"'],
    [
      { stages: [{}, {}], layerOrder: "same" },
      'layerOrder "same" and stages exclude each other: the deepest states are the smallest, and frames are made of the largest; use "mirrored"',
    ],
    [
      { stages: [{}, {}], head: "all" },
      'head "all" and stages exclude each other: the hidden states of the layers have different sizes; use "last"',
    ],
    [{ stages: [{}] }, "stages has 1 values for 2 layers; write null for layers with none before them"],
    [{ stages: [null, { stride: 0 }] }, "stages[1].stride must be whole numbers >= 1, got [0,0]"],
    [{ stages: [null, { channels: 0 }] }, "stages[1].channels must be a whole number >= 1, got 0"],
    [
      { stages: [{ kernelSize: [3] }, null] },
      "stages[0].kernelSize has 1 values but there are 2 spatial axes (stages[0].kernelSize = [3])",
    ],
    [
      { stages: [{ upsampling: "cubic" }, null] },
      'stages[0].upsampling must be one of "transposed", "resize", got "cubic"',
    ],
    [{ patchSize: 0 }, "patchSize must be whole numbers >= 1, got [0,0]"],
    [{ patchSize: 2, patchPadding: "mirror" }, 'patchPadding must be one of "error", "zeros", got "mirror"'],
    [{ patchPadding: "zeros" }, "patchPadding does nothing without patchSize; set that too, or leave it out"],
    [{ imageSize: [8] }, "imageSize [8] has 1 sizes for 2 spatial axes"],
    [{ forecasterInput: "next" }, 'forecasterInput must be one of "none", "previous", got "next"'],
    [
      { feedback: "sigmoid" },
      'feedback does nothing without forecasterInput "previous"; set that too, or leave it out',
    ],
    [
      { forecasterInput: "previous" },
      'forecasterInput "previous" needs feedback, which makes a frame of the head\'s output: "sigmoid" if the loss is over logits, "linear" if that is a frame already',
    ],
    [
      { forecasterInput: "previous", feedback: "linear", outputChannels: 1 },
      'forecasterInput "previous" reads forecast frames like input frames, so outputChannels (=1) must equal inputChannels (=2)',
    ],
    [
      { forecasterInput: "previous", feedback: "gelu" },
      'feedback must be a function or one of "sigmoid", "hardSigmoid", "hardSigmoidKeras2", "tanh", "relu", "leakyRelu", "elu", "selu", "silu", "softplus", "softsign", "linear", got "gelu"',
    ],
    [{ cell: "transformer" }, 'cell must be one of "lstm", "gru", "rnn", got "transformer"'],
  ];
  it.each(cases)("%o", (change, message) => {
    const options = { ...good, ...change } as EncoderForecasterOptions;
    expect(() => new EncoderForecaster(options)).toThrow(refusal("ArgumentError", `${op}: ${message}`));
  });

  it("a size that patches do not divide", () => {
    expect(() => new EncoderForecaster({ ...good, patchSize: [2, 4], imageSize: [6, 6] })).toThrow(
      refusal(
        "ShapeError",
        `${op}: images of [6,6] cannot be cut into patches of [2,4]: 6 is not a multiple of 4 (spatial axis 1); pad or crop them, or build the model with patchPadding: "zeros"`,
      ),
    );
  });
});

describe("a call that makes no sense is refused", () => {
  const plain = new EncoderForecaster({ ...good, patchSize: 2 });
  const fed = new EncoderForecaster({ ...good, forecasterInput: "previous", feedback: "linear", batchFirst: true });
  const x = zeros([2, 3, 2, 4, 4]);
  const targets = zeros([2, 5, 2, 4, 4]);
  const cases: [string, () => unknown, Parameters<typeof refusal>[0], string][] = [
    [
      "too few axes",
      () => plain.forward(zeros([3, 2, 4, 4]), 1),
      "ShapeError",
      "input needs 5 axes [T,N,C,…], got [3,2,4,4]",
    ],
    [
      "other channels",
      () => fed.forward(zeros([3, 2, 1, 4, 4]), 1),
      "ShapeError",
      "input has 1 channels but the model expects 2 (input [N,T,C,…] = [3,2,1,4,4])",
    ],
    [
      "another dtype",
      () => fed.forward(zeros([3, 2, 2, 4, 4], { dtype: "float64" }), 1),
      "DTypeError",
      'input is float64 but the weights are float32; convert it with to("float32"), or the model with model.to("float64")',
    ],
    ["no frames", () => fed.forward(zeros([3, 0, 2, 4, 4]), 1), "ShapeError", "the sequence has no steps"],
    [
      "a size that patches do not divide",
      () => plain.forward(zeros([3, 2, 2, 4, 5]), 1),
      "ShapeError",
      'images of [4,5] cannot be cut into patches of [2,2]: 5 is not a multiple of 2 (spatial axis 1); pad or crop them, or build the model with patchPadding: "zeros"',
    ],
    [
      "lengths of another batch",
      () => fed.forward(x, 1, { lengths: [1] }),
      "ShapeError",
      "lengths has 1 values for a batch of 2",
    ],
    [
      "teacher forcing without feedback",
      () => plain.forward(x, 1, { teacherForcing: 0.5 }),
      "ArgumentError",
      'teacherForcing is for models that read their own forecasts, but forecasterInput is "none"; build the model with forecasterInput: "previous"',
    ],
    [
      "its reverse without feedback",
      () => plain.forward(x, 1, { encoderForcing: 1 }),
      "ArgumentError",
      'encoderForcing is for models that read their own forecasts, but forecasterInput is "none"; build the model with forecasterInput: "previous"',
    ],
    [
      "targets without feedback",
      () => plain.forward(x, 1, { targets }),
      "ArgumentError",
      'targets is for models that read their own forecasts, but forecasterInput is "none"; build the model with forecasterInput: "previous"',
    ],
    [
      "a probability above 1",
      () => fed.forward(x, 5, { targets, teacherForcing: 1.5 }),
      "ArgumentError",
      "teacherForcing must be a number in [0, 1], got 1.5",
    ],
    [
      "a probability that is none",
      () => fed.forward(x, 5, { encoderForcing: Number.NaN }),
      "ArgumentError",
      "encoderForcing must be a number in [0, 1], got NaN",
    ],
    [
      "teacher forcing without targets",
      () => fed.forward(x, 5, { teacherForcing: 0.5 }),
      "ArgumentError",
      "teacherForcing 0.5 feeds true frames, so it needs targets of shape [2,5,2,4,4]",
    ],
    [
      "targets without teacher forcing",
      () => fed.forward(x, 5, { targets }),
      "ArgumentError",
      "targets do nothing without teacherForcing; set that too, or leave them out",
    ],
    [
      "targets of other steps",
      () => fed.forward(x, 4, { targets, teacherForcing: 0.5 }),
      "ShapeError",
      "targets have shape [2,5,2,4,4] but the forecast has [2,4,2,4,4]",
    ],
    [
      "targets of another dtype",
      () => fed.forward(x, 5, { targets: targets.to("float64"), teacherForcing: 0.5 }),
      "DTypeError",
      'targets is float64 but the weights are float32; convert it with to("float32"), or the model with model.to("float64")',
    ],
  ];
  it.each(cases)("%s", (_, call, name, message) => {
    expect(call).toThrow(refusal(name, `${op}: ${message}`));
  });
});
