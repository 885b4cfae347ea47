/**
 * Safetensors and whole models in memory: the portable half. Files are in `@squall/io/node`.
 * @packageDocumentation
 */
export { FormatError } from "./formatError.ts";
export type { JsonObject, JsonValue } from "./model/jsonValue.ts";
export type { LoadableModel } from "./model/loadableModel.ts";
export { modelFromSafetensors } from "./model/modelFromSafetensors.ts";
export { modelConfigKey, modelToSafetensors } from "./model/modelToSafetensors.ts";
export type { SavableModel } from "./model/savableModel.ts";
export type { ChooseOptions } from "./safetensors/chooseOptions.ts";
export { type DecodedSafetensors, decodeSafetensors } from "./safetensors/decode.ts";
export { encodeSafetensors } from "./safetensors/encode.ts";
export type { HostTensor } from "./safetensors/hostTensor.ts";
export {
  type LoadedTensors,
  type LoadTensorsOptions,
  tensorsFromSafetensors,
} from "./safetensors/tensorsFromSafetensors.ts";
export { tensorsToSafetensors } from "./safetensors/tensorsToSafetensors.ts";
