import { readFile } from "node:fs/promises";
import type { JsonObject } from "../model/jsonValue.ts";
import type { LoadableModel } from "../model/loadableModel.ts";
import { decodeModel } from "../model/modelFromSafetensors.ts";
import type { ChooseOptions } from "../safetensors/chooseOptions.ts";

/**
 * Loads a model that {@link saveModel} saved: `await loadModel("m.safetensors", fromConfig)`. Builds it from its configuration, then loads
 * the weights, in the dtype that they were saved in. Move it to a device afterwards: `model.to(device)`.
 * @param build - makes a model of a configuration and refuses what is none: `fromConfig` of `@squall/nn`, or your own for your own classes
 * @throws FormatError if it is not a whole, valid file, or holds no configuration that a model can be built of; StateDictError if the weights do
 * not fit the model; DTypeError if a tensor is neither F32 nor F64: leave it out with `only`, if it is not the model's; ArgumentError if `build`
 * returns no model; what `build` throws; the file system's error if it cannot be read. All but the last two name the file.
 */
export async function loadModel<M extends LoadableModel>(
  path: string,
  build: (config: JsonObject) => M,
  options: ChooseOptions = {},
): Promise<M> {
  return decodeModel(`loadModel(${JSON.stringify(path)})`, await readFile(path), build, options);
}
