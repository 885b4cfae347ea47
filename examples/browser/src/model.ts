// Models of the page: the trained one from its file, and others like it.

import { filmSource, streams } from "@squall/example-moving-digits/films";
import { glyphSource } from "@squall/example-moving-digits/glyphs";
import { meanFrame } from "@squall/example-moving-digits/metrics";
import { makeModel } from "@squall/example-moving-digits/model";
import type { Options } from "@squall/example-moving-digits/presets";
import { readSettings } from "@squall/example-moving-digits/settings";
import { tensorsFromSafetensors } from "@squall/io";
import type { EncoderForecaster, StateDict } from "@squall/nn";
import { type Device, type Tensor, tensor } from "@squall/tensor";

/** What a model's file holds. */
export interface TrainedModel {
  /** The settings that it was trained with. */
  readonly options: Options;
  /** Its weights, on the CPU. */
  readonly weights: StateDict;
}

/** Films whose mean brightness a new model starts with. */
const BRIGHTNESS_FILMS = 64;

/** Reads a file of `model.safetensors` as `pnpm demo` writes it. @throws FormatError, OptionsError if it is not that */
export function readModel(bytes: Uint8Array): TrainedModel {
  const { tensors, metadata } = tensorsFromSafetensors(bytes);
  return { options: readSettings(metadata.settings), weights: tensors };
}

/** Loads a model's file. @throws Error if the server has none */
export async function fetchModel(address: string): Promise<TrainedModel> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: the server answers ${response.status} ${response.statusText}`);
  return readModel(new Uint8Array(await response.arrayBuffer()));
}

/** A model with random weights, on the CPU. */
export function newModel(options: Options, seed: number): EncoderForecaster {
  const random = streams(seed);
  const films = filmSource(glyphSource(options.digitSize), options)(BRIGHTNESS_FILMS, random.heldOut);
  const [brightness = 0.5] = meanFrame(films.truth, 1);
  return makeModel(options, brightness, random.model);
}

/** A model with the given weights, on a device. */
export function modelWith(options: Options, weights: StateDict, device: Device): EncoderForecaster {
  const model = newModel(options, options.seed).to(device);
  model.loadStateDict(weights);
  return model;
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
