import { ConvLSTM, type ConvLSTMOptions, Linear, Module } from "@squall/nn";
import type { DType } from "@squall/tensor";
import type { JsonObject } from "../src/index.ts";

/** A model with a configuration: a ConvLSTM and a head. */
export class Forecaster extends Module {
  readonly config: JsonObject;
  readonly body: ConvLSTM;
  readonly head: Linear;

  constructor(hidden: readonly number[], dtype: DType = "float32") {
    super();
    this.config = { kind: "Forecaster", hidden };
    const options: ConvLSTMOptions = { inputChannels: 1, hiddenChannels: hidden, kernelSize: 3, dtype };
    this.body = new ConvLSTM(options);
    this.head = new Linear({ inFeatures: 3, outFeatures: 2, dtype });
  }
}

/** A {@link Forecaster} of its configuration, always float32. */
export function build(config: JsonObject): Forecaster {
  if (config.kind !== "Forecaster" || !Array.isArray(config.hidden)) throw new TypeError("this is no Forecaster");
  return new Forecaster(config.hidden.map(Number));
}
