import { readFile } from "node:fs/promises";
import { decodeTensors, type LoadedTensors, type LoadTensorsOptions } from "../safetensors/tensorsFromSafetensors.ts";

/**
 * Loads the tensors of a safetensors file.
 * @throws FormatError if it is not a whole, valid file; DTypeError if a tensor is neither F32 nor F64, or the device lacks its dtype: leave it
 * out with `only`; the file system's error if it cannot be read.
 */
export async function loadSafetensors(path: string, options: LoadTensorsOptions = {}): Promise<LoadedTensors> {
  return decodeTensors(`loadSafetensors(${JSON.stringify(path)})`, await readFile(path), options);
}
