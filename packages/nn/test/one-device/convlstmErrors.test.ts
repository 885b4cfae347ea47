// One device: the CPU.
import { ConvLSTM, ConvLSTMCell, type ConvLSTMOptions, EncoderForecaster } from "@squall/nn";
import { ArgumentError, DTypeError, randn, ShapeError, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";

const good: ConvLSTMOptions = { inputChannels: 2, hiddenChannels: [3, 4], kernelSize: 3 };
const state = (channels: number, size = 5): { h: ReturnType<typeof zeros>; c: ReturnType<typeof zeros> } => ({
  h: zeros([2, channels, size, size]),
  c: zeros([2, channels, size, size]),
});

/** Runs `fn` and gives what it throws. */
function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("an unusable ConvLSTM is refused at construction", () => {
  const cases: [string, Partial<Record<keyof ConvLSTMOptions, unknown>>, string][] = [
    ["no channels", { inputChannels: -1 }, "ConvLSTM: inputChannels must be a whole number >= 0, got -1"],
    ["NaN channels", { inputChannels: Number.NaN }, "ConvLSTM: inputChannels must be a whole number >= 0, got NaN"],
    ["no hidden channels", { hiddenChannels: 0 }, "ConvLSTM: hiddenChannels must be a whole number >= 1, got 0"],
    [
      "hidden sizes that do not fit the layers",
      { numLayers: 3 },
      "ConvLSTM: hiddenChannels [3,4] has 2 values for 3 layers",
    ],
    ["no layers", { hiddenChannels: [] }, "ConvLSTM: numLayers must be a whole number >= 1, got 0"],
    ["a kernel of 0", { kernelSize: 0 }, "ConvLSTM: kernelSize must be a whole number >= 1, got 0"],
    [
      "a broken kernel",
      { stateKernelSize: [3, 2.5] },
      "ConvLSTM: stateKernelSize must be a whole number >= 1, got 2.5",
    ],
    [
      "a flat list that means layers",
      { kernelSize: [3, 3, 3] },
      "ConvLSTM: kernelSize [3,3,3] has 3 sizes for 2 spatial axes; for one kernel per layer write a list of lists, [[3,3],[3,3],[3,3]]",
    ],
    ["kernels that do not fit the layers", { kernelSize: [[3, 3]] }, "ConvLSTM: kernelSize has 1 kernels for 2 layers"],
    ["four dimensions", { spatialDims: 4 }, "ConvLSTMCell: spatialDims must be 1, 2 or 3, got 4"],
    [
      "an unknown peephole",
      { peephole: "yes" },
      'ConvLSTMCell: peephole must be one of "none", "channel", "full", "conv", got "yes"',
    ],
    ["a NaN forget bias", { forgetBias: Number.NaN }, "ConvLSTMCell: forgetBias must be a number, got NaN"],
    [
      "a full peephole without sizes",
      { peephole: "full" },
      'ConvLSTMCell: peephole "full" has a weight per position, so it needs imageSize with 2 sizes, got none; or use peephole "channel", which fits every size',
    ],
  ];
  it.each(cases)("%s", (_, change, message) => {
    const error = thrown(() => new ConvLSTM({ ...good, ...change } as ConvLSTMOptions));
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as Error).message).toBe(message);
  });
});

describe("input that does not fit is refused at the call", () => {
  const model = new ConvLSTM(good);
  const cases: [string, () => unknown, new (...args: never[]) => Error, string][] = [
    [
      "too few axes",
      () => model.forward(zeros([3, 2, 5, 5])),
      ShapeError,
      "ConvLSTM: input needs 5 axes [T,N,C,…], got [3,2,5,5]",
    ],
    [
      "other channels",
      () => model.forward(zeros([3, 2, 1, 5, 5])),
      ShapeError,
      "ConvLSTM: input has 1 channels but the model expects 2 (input [T,N,C,…] = [3,2,1,5,5])",
    ],
    ["no steps", () => model.forward(zeros([0, 2, 2, 5, 5])), ShapeError, "ConvLSTM: the sequence has no steps"],
    [
      "too few states",
      () => model.forward(zeros([3, 2, 2, 5, 5]), [state(3)]),
      ShapeError,
      "ConvLSTM: 1 states given for 2 layers; forwardAll gives the states of all layers, as forward does with returnAllLayers",
    ],
    [
      "states of another size",
      () => model.forward(zeros([3, 2, 2, 5, 5]), [state(3), state(4, 6)]),
      ShapeError,
      "ConvLSTM layer 1: state h has shape [2,4,6,6] but [N,H,…] = [2,4,5,5] is needed",
    ],
    [
      "another dtype",
      () => model.forward(zeros([3, 2, 2, 5, 5], { dtype: "float64" })),
      DTypeError,
      'ConvLSTM: input is float64 but the weights are float32; convert it with to("float32"), or the model with model.to("float64")',
    ],
    [
      "input for a model without",
      () => new ConvLSTM({ ...good, inputChannels: 0 }).forward(zeros([3, 2, 2, 5, 5])),
      ArgumentError,
      "ConvLSTM: this model was built with inputChannels 0 and takes no input; call unroll(steps, states)",
    ],
    [
      "unrolling a model with input",
      () => model.unroll(2, [state(3), state(4)]),
      ArgumentError,
      "ConvLSTM.unroll: this model takes an input of 2 channels; call forward(x, states)",
    ],
    [
      "full peepholes on another image size",
      () => new ConvLSTM({ ...good, peephole: "full", imageSize: [4, 4] }).forward(zeros([3, 2, 2, 5, 5])),
      ShapeError,
      'ConvLSTM layer 0: peephole "full" was built for states of [4,4] but these are [5,5]; use peephole "channel" for changing sizes',
    ],
    [
      "a cell without its input",
      () => new ConvLSTMCell({ inputChannels: 2, hiddenChannels: 3, kernelSize: 3 }).forward(undefined, state(3)),
      ArgumentError,
      "ConvLSTMCell: needs an input of 2 channels",
    ],
    [
      "no forecast steps",
      () => new EncoderForecaster(good).forward(randn([2, 2, 2, 5, 5]), 0),
      ArgumentError,
      "EncoderForecaster: steps must be a whole number >= 1, got 0",
    ],
    [
      "an encoder without input",
      () => new EncoderForecaster({ ...good, inputChannels: 0 }),
      ArgumentError,
      "EncoderForecaster: inputChannels must be a whole number >= 1, got 0",
    ],
  ];
  it.each(cases)("%s", (_, call, kind, message) => {
    const error = thrown(call);
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toBe(message);
  });
});
