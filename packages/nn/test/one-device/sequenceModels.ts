import { ConvLSTM, type ConvLSTMOptions } from "@squall/nn";
import { Generator, randn, type Tensor } from "@squall/tensor";
import { randomise } from "./convlstmArbitrary.ts";

/** Two small layers in float64. */
export const common: ConvLSTMOptions = { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, dtype: "float64" };

/** A model with random weights. */
export function made(options: Partial<ConvLSTMOptions> = {}): ConvLSTM {
  const model = new ConvLSTM({ ...common, ...options, generator: new Generator(7) });
  randomise(model, new Generator(8));
  return model;
}

/** Sequences for it, `[T, N, 1, 4, 3]`. */
export const frames = (steps: number, batch: number, seed = 1): Tensor =>
  randn([steps, batch, 1, 4, 3], { dtype: "float64", generator: new Generator(seed) });
