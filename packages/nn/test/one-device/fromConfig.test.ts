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
} from "@squall/nn";
import { ArgumentError, Generator } from "@squall/tensor";
import { describe, expect, it } from "vitest";

const common = { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3 } as const;

const models: [string, () => ConfiguredModel][] = [
  ["ConvLSTM", () => new ConvLSTM({ ...common, peephole: "conv", layers: [{ stride: 2 }], dtype: "float64" })],
  ["ConvGRU", () => new ConvGRU({ ...common, resetAfter: false, norm: "layer", imageSize: [4, 4] })],
  ["ConvRNN", () => new ConvRNN({ ...common, activation: "relu", padding: [[1, 0], 2] })],
  ["Bidirectional", () => new Bidirectional((direction) => new ConvGRU({ ...common, ...direction }))],
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
      "ConvLSTM has no option kernel_size; the config may be of a newer version",
    ],
    [
      "an option of another kind",
      { type: "ConvLSTM", ...common, resetAfter: true },
      "ConvLSTM has no option resetAfter",
    ],
    [
      "an option of another cell",
      { type: "EncoderForecaster", ...common, resetAfter: true },
      "EncoderForecaster has no option resetAfter",
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
