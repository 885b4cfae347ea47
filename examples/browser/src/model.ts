// Models of the page: the trained one from its file, and others like it.

import { filmSource, streams } from "@squall/example-moving-digits/films";
import { glyphSource } from "@squall/example-moving-digits/glyphs";
import { meanFrame } from "@squall/example-moving-digits/metrics";
import { type Forecaster, makeModel } from "@squall/example-moving-digits/model";
import type { Options } from "@squall/example-moving-digits/presets";
import { readSettings } from "@squall/example-moving-digits/settings";
import { decodeSafetensors, type JsonObject, modelFromSafetensors } from "@squall/io";
import { EncoderForecaster, fromConfig, type ModelConfig, type StateDict } from "@squall/nn";
import { ArgumentError, type Device, type Tensor, tensor } from "@squall/tensor";

/** What a model's file holds. */
export interface TrainedModel {
  /** The settings that it was trained with. */
  readonly options: Options;
  /** The model itself, on the CPU. */
  readonly model: Forecaster;
}

/** Films whose mean brightness a new model starts with. */
const BRIGHTNESS_FILMS = 64;

/** Builds the model of a configuration. @throws ArgumentError if it is of another kind than the page can show */
function forecasterFrom(config: JsonObject): Forecaster {
  const model = fromConfig(config);
  if (model instanceof EncoderForecaster) return model;
  throw new ArgumentError("forecasterFrom", `the page needs an EncoderForecaster, but this is a ${model.config.type}`, {
    expected: "EncoderForecaster",
    got: model.config.type,
  });
}

/** Reads a file of `model.safetensors` as `pnpm demo` writes it. @throws FormatError, StateDictError, OptionsError if it is not that */
export function readModel(bytes: Uint8Array): TrainedModel {
  const model = modelFromSafetensors(bytes, forecasterFrom);
  return { options: readSettings(decodeSafetensors(bytes).metadata.settings), model };
}

/** Loads a model's file. @throws Error if the server has none */
export async function fetchModel(address: string): Promise<TrainedModel> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: the server answers ${response.status} ${response.statusText}`);
  return readModel(new Uint8Array(await response.arrayBuffer()));
}

/** A model with random weights, on the CPU. */
export function newModel(options: Options, seed: number): Forecaster {
  const random = streams(seed);
  const films = filmSource(glyphSource(options.digitSize), options)(BRIGHTNESS_FILMS, random.heldOut);
  const [brightness = 0.5] = meanFrame(films.truth, 1);
  return makeModel(options, brightness, random.model);
}

/** A model of a configuration, with the given weights of the CPU, on a device. */
export function modelWith(config: ModelConfig, weights: StateDict, device: Device): Forecaster {
  const model = forecasterFrom(config);
  model.loadStateDict(weights);
  return model.to(device);
}

/** Copies tensors to the CPU by reading them: `to()` cannot leave a device that answers later. */
export async function readAll(tensors: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const copies = await Promise.all(
    Object.entries(tensors).map(
      async ([name, value]): Promise<[string, Tensor]> => [name, tensor(await value.data(), { shape: value.shape })],
    ),
  );
  return Object.fromEntries(copies);
}
