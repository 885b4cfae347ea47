import { encodeModel } from "../model/modelToSafetensors.ts";
import type { SavableModel } from "../model/savableModel.ts";
import { writeFileAtomic } from "./writeFileAtomic.ts";

/**
 * Saves a whole model, weights and configuration, as one safetensors file, as `modelToSafetensors` makes it. The old file, if there is one,
 * stays whole until the new one is.
 * @param model - anything with `config` and `stateDict()`, such as a `ConvLSTM`
 * @param metadata - more text about the file. Default none.
 * @throws ArgumentError if the configuration holds something that JSON would change, by its path, or a name or text cannot be stored; the file
 * system's error if the file cannot be written.
 */
export async function saveModel(
  path: string,
  model: SavableModel,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, await encodeModel("saveModel", model, metadata));
}
