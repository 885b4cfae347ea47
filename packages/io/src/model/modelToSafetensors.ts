import { ArgumentError } from "@squall/device";
import { encodeTensors } from "../safetensors/tensorsToSafetensors.ts";
import { writeConfig } from "./configText.ts";
import type { SavableModel } from "./savableModel.ts";

/** The name in a file's metadata under which a model's configuration stands, as JSON. */
export const modelConfigKey = "squall.config";

/** {@link modelToSafetensors} under another name for messages. */
export async function encodeModel(
  op: string,
  model: SavableModel,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Object.hasOwn(metadata, modelConfigKey)) {
    throw new ArgumentError(
      op,
      `metadata cannot have the name "${modelConfigKey}", under which the model's config stands; take another name`,
      { got: modelConfigKey },
    );
  }
  const config = writeConfig(op, model.config);
  return encodeTensors(op, model.stateDict(), { ...metadata, [modelConfigKey]: config });
}

/**
 * A whole model as one safetensors file: its weights, in their dtypes, and its configuration as JSON text in the metadata under
 * `"squall.config"`. Other readers of safetensors find the weights as usual.
 * @param model - anything with `config` and `stateDict()`, such as a `ConvLSTM`. Both are read at once: a training step meanwhile changes nothing
 * @param metadata - more text about the file. Default none.
 * @throws ArgumentError if the configuration holds something that JSON would change, by its path (`config.layers[0].x`): NaN, infinities, -0,
 * `undefined`, functions, instances of classes; or if a name or text cannot be stored
 */
export function modelToSafetensors(
  model: SavableModel,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return encodeModel("modelToSafetensors", model, metadata);
}
