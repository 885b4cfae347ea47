// One device: the CPU. Options, states and flags that plain JavaScript could bring along are refused, and named, by everything recurrent.
import {
  Bidirectional,
  ConvGRU,
  ConvGRUCell,
  ConvLSTM,
  ConvLSTMCell,
  ConvRNN,
  ConvRNNCell,
  DownStage,
  EncoderForecaster,
  init,
  ResizeStage,
  STLSTMCell,
  samplingSchedule,
  truncatedBPTT,
  UpStage,
} from "@squall/nn";
import { ArgumentError, Generator, randn } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const layer = { inputChannels: 1, hiddenChannels: 2, kernelSize: 3 } as const;
const stage = { inChannels: 1, outChannels: 1 } as const;
const x = randn([3, 2, 1, 4, 4]);

/** What takes options, each with something more among them. */
const takers: [string, (more: object) => unknown][] = [
  ["ConvLSTMCell", (more) => new ConvLSTMCell({ ...layer, ...more })],
  ["ConvGRUCell", (more) => new ConvGRUCell({ ...layer, ...more })],
  ["ConvRNNCell", (more) => new ConvRNNCell({ ...layer, ...more })],
  ["STLSTMCell", (more) => new STLSTMCell({ ...layer, ...more })],
  ["ConvLSTM", (more) => new ConvLSTM({ ...layer, ...more })],
  ["ConvGRU", (more) => new ConvGRU({ ...layer, ...more })],
  ["ConvRNN", (more) => new ConvRNN({ ...layer, ...more })],
  ["ConvLSTM.layers[1]", (more) => new ConvLSTM({ ...layer, numLayers: 2, layers: [{}, more] })],
  ["ConvLSTMCell.init", (more) => new ConvLSTMCell({ ...layer, init: more })],
  ["EncoderForecaster", (more) => new EncoderForecaster({ ...layer, ...more })],
  ["EncoderForecaster.layers[0]", (more) => new EncoderForecaster({ ...layer, layers: [more] })],
  ["EncoderForecaster.stages[0]", (more) => new EncoderForecaster({ ...layer, stages: [more] })],
  ["DownStage", (more) => new DownStage({ ...stage, ...more })],
  ["UpStage", (more) => new UpStage({ ...stage, ...more })],
  ["ResizeStage", (more) => new ResizeStage({ ...stage, ...more })],
  ["Bidirectional", (more) => new Bidirectional((direction) => new ConvRNN({ ...layer, ...direction }), more)],
  ["ConvLSTM.forward", (more) => new ConvLSTM(layer).forward(x, undefined, more)],
  ["ConvLSTM.step", (more) => new ConvLSTM(layer).step(x.select(0, 0), undefined, more)],
  ["EncoderForecaster.forward", (more) => new EncoderForecaster(layer).forward(x, 1, more)],
  ["truncatedBPTT", (more) => truncatedBPTT(new ConvLSTM(layer), x, { chunkSteps: 2, ...more }, () => 0)],
  ["samplingSchedule", (more) => samplingSchedule({ kind: "linear", from: 1, to: 0, steps: 3, ...more })],
];

describe("options", () => {
  it.each(takers)("of %s have known names, are not null, and are an object", (op, take) => {
    expect(() => take({ nonesuch: 1 })).toThrow(
      expect.objectContaining({
        op,
        message: expect.stringMatching(/: there is no option "nonesuch"; the options are /),
      }),
    );
    const [name] = op.match(/init$/)
      ? ["bias"]
      : op.match(/stages/)
        ? ["stride"]
        : op.match(/forward|BPTT/)
          ? ["mask"]
          : [];
    if (name !== undefined)
      expect(() => take({ [name]: null })).toThrow(`${op}: ${name} is null; leave it out for the default`);
  });

  it.each([
    [{ batch_first: true }, "batchFirst"],
    [{ stateKernalSize: 3 }, "stateKernelSize"],
    [{ peepholes: "channel" }, "peephole"],
    [{ recurrentdropout: 0.1 }, "recurrentDropout"],
  ])("%j: tells what was probably meant", (more, meant) => {
    expect(() => new ConvLSTM({ ...layer, ...more })).toThrow(
      refusal("ArgumentError", `ConvLSTM: there is no option "${Object.keys(more)[0]}"; did you mean ${meant}?`),
    );
  });

  it.each([undefined, null, 3, "ConvLSTM", [layer]])("%j is none", (options) => {
    for (const Made of [ConvLSTM, ConvLSTMCell, EncoderForecaster, STLSTMCell]) {
      // @ts-expect-error no options
      expect(() => new Made(options)).toThrow(ArgumentError);
    }
  });

  it.each<[object, string]>([
    [{ kernelSize: undefined }, "ConvLSTM: kernelSize must be a whole number or a list of such, got undefined"],
    [{ kernelSize: "3" }, 'ConvLSTM: kernelSize must be a whole number or a list of such, got "3"'],
    [{ hiddenChannels: undefined }, "ConvLSTM: hiddenChannels must be a whole number or a list of such, got undefined"],
    [{ bias: "no" }, 'ConvLSTMCell: bias must be true or false, got "no"'],
    [{ batchFirst: 1 }, "ConvLSTM: batchFirst must be true or false, got 1"],
    [{ checkpoint: "yes" }, 'ConvLSTM: checkpoint must be true or false, got "yes"'],
    [{ zoneout: "0.1" }, 'ConvLSTMCell: zoneout must be a probability, or one for each part of the state, got "0.1"'],
    [{ imageSize: [4.5, 4] }, "ConvLSTMCell: imageSize must be a whole number >= 1, got 4.5"],
    [{ imageSize: [4] }, "ConvLSTMCell: imageSize needs 2 sizes, got [4]"],
    [{ layers: {} }, "ConvLSTM: layers must be a list of options, one per layer, got an object"],
    [{ layers: [{ hiddenChannels: 5 }] }, 'ConvLSTM.layers[0]: there is no option "hiddenChannels"'],
    [{ device: "gpu" }, 'device must be a device, such as cpu or what gpuDevice() gives, got "gpu"'],
    [{ generator: 42 }, "generator must be a Generator, got 42"],
    [{ init: init.ones_ }, "ConvLSTMCell: init must be one of"],
  ])("%j is refused by name", (more, message) => {
    expect(() => new ConvLSTM({ ...layer, ...more })).toThrow(ArgumentError);
    expect(() => new ConvLSTM({ ...layer, ...more })).toThrow(message);
  });

  it("that are refused draw no random numbers", () => {
    for (const more of [{ peepholeKernelSize: 3 }, { bias: false, forgetBias: 2 }, { norm: "layer" as const }]) {
      const generator = new Generator(1);
      expect(() => new ConvLSTM({ ...layer, ...more, generator })).toThrow(ArgumentError);
      expect(generator.getState()).toEqual(new Generator(1).getState());
    }
  });
});
