import type { Tensor } from "@squall/tensor";
import { encodeTensors } from "../safetensors/tensorsToSafetensors.ts";
import { writeFileAtomic } from "./writeFileAtomic.ts";

/**
 * Saves tensors as a safetensors file. The old file, if there is one, stays whole until the new one is.
 * @param tensors - by name: a module's or an optimizer's state dict, say
 * @param metadata - text about the file. Default none.
 * @throws ArgumentError if a name or text cannot be stored; the file system's error if the file cannot be written.
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, await encodeTensors("saveSafetensors", tensors, metadata));
}
