// One device: the CPU. Models from their configs, alone and out of files.
import { modelFromSafetensors, modelToSafetensors } from "@squall/io";
import {
  Bidirectional,
  type ConfiguredModel,
  ConvGRU,
  ConvLSTM,
  ConvRNN,
  EncoderForecaster,
  fromConfig,
  init,
  StageChain,
} from "@squall/nn";
import { ArgumentError, Generator } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const common = { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3 } as const;

const models: [string, () => ConfiguredModel][] = [
  ["ConvLSTM", () => new ConvLSTM({ ...common, peephole: "conv", layers: [{ stride: 2 }], dtype: "float64" })],
  ["ConvGRU", () => new ConvGRU({ ...common, resetAfter: false, norm: "layer", imageSize: [4, 4] })],
  ["ConvRNN", () => new ConvRNN({ ...common, activation: "relu", padding: [[1, 0], 2] })],
  ["Bidirectional", () => new Bidirectional((direction) => new ConvGRU({ ...common, ...direction }))],
  [
    "Bidirectional",
    () =>
      new Bidirectional(({ goBackwards, keepOrder }) =>
        goBackwards
          ? new ConvRNN({ ...common, hiddenChannels: 4, activation: "relu", goBackwards, keepOrder })
          : new ConvRNN({ ...common, goBackwards, keepOrder, stateful: true }),
      ),
  ],
  ["EncoderForecaster", () => new EncoderForecaster({ ...common, stages: [null, { stride: 2 }], cell: "gru" })],
];

describe("fromConfig", () => {
  it.each(models)("builds the kind of model that was asked for: %s", async (type, make) => {
    const model = make();
    expect(model.config.type).toBe(type);
    const again = fromConfig(JSON.parse(JSON.stringify(model.config)));
    expect(again.constructor).toBe(model.constructor);
    expect(again.config).toEqual(model.config);
    // Weights and configuration travel in one file.
    const loaded = modelFromSafetensors(await modelToSafetensors(model), fromConfig);
    expect(loaded.constructor).toBe(model.constructor);
    const values = (module: ConfiguredModel): unknown =>
      Object.fromEntries(
        Object.entries(module.stateDict()).map(([name, value]) => [name, [value.dtype, value.toArray()]]),
      );
    expect(values(loaded)).toEqual(values(model));
  });

  it.each(["ConvLSTM", "EncoderForecaster"] as const)("%s keeps its own copy of the options", (type) => {
    const options = { ...common, hiddenChannels: [2, 3], layers: [{ dilation: 2 }] };
    const model = type === "ConvLSTM" ? new ConvLSTM(options) : new EncoderForecaster(options);
    const before = JSON.stringify(model.config);
    options.hiddenChannels[0] = 4;
    options.layers[0].dilation = 3;
    expect(JSON.stringify(model.config)).toBe(before);
  });

  it("has no config for layers with stages, which are modules", () => {
    const model = new ConvLSTM(common, [new StageChain(1), new StageChain(2)]);
    expect(() => model.config).toThrow(
      refusal(
        "ArgumentError",
        "ConvLSTM.config: these layers have stages, which are modules that a config cannot hold; rebuild the model by your own code",
      ),
    );
  });

  it.each([[undefined], [null], [[]], ["ConvLSTM"]])("refuses %j, which is no config", (config) => {
    // @ts-expect-error no config
    expect(() => fromConfig(config)).toThrow(ArgumentError);
  });

  it("takes the generator of the fresh weights, and what the model has become since", () => {
    const weights = (seed: number): unknown =>
      fromConfig({ type: "ConvLSTM", ...common }, { generator: new Generator(seed) })
        .parameters()
        .map((parameter) => parameter.toArray());
    expect(weights(1)).toEqual(weights(1));
    expect(weights(1)).not.toEqual(weights(2));
    expect(new ConvLSTM({ ...common, init: { bias: init.ones_ } }).to("float64").config).toEqual({
      type: "ConvLSTM",
      ...common,
      dtype: "float64",
    });
  });

  it.each<[string, Parameters<typeof fromConfig>[0], string]>([
    ["no type", { ...common }, "fromConfig: there is no model of type null; there are ConvLSTM, ConvGRU,"],
    ["another type", { type: "toString" }, 'fromConfig: there is no model of type "toString"'],
    [
      "an unknown option",
      { type: "ConvLSTM", ...common, kernel_size: 3 },
      'ConvLSTM: there is no option "kernel_size"; did you mean kernelSize?',
    ],
    [
      "an option of another kind",
      { type: "ConvLSTM", ...common, resetAfter: true },
      'ConvLSTM: there is no option "resetAfter"',
    ],
    [
      "an option of another cell",
      { type: "EncoderForecaster", ...common, resetAfter: true },
      'EncoderForecaster: there is no option "resetAfter"',
    ],
    [
      "both directions of no layers",
      { type: "Bidirectional", layer: { type: "EncoderForecaster", ...common } },
      "EncoderForecaster: goBackwards cannot",
    ],
    [
      "a value out of range",
      { type: "ConvLSTM", ...common, kernelSize: 0 },
      "ConvLSTM: kernelSize must be a whole number >= 1, got 0",
    ],
  ])("refuses %s", (_, config, message) => {
    expect(() => fromConfig(config)).toThrow(ArgumentError);
    expect(() => fromConfig(config)).toThrow(message);
  });
});
