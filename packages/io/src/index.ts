/**
 * Safetensors in memory: the portable half. Files are in `@squall/io/node`.
 * @packageDocumentation
 */
export { FormatError } from "./formatError.ts";
export { type DecodedSafetensors, decodeSafetensors } from "./safetensors/decode.ts";
export { encodeSafetensors } from "./safetensors/encode.ts";
export type { HostTensor } from "./safetensors/hostTensor.ts";
export {
  type LoadedTensors,
  type LoadTensorsOptions,
  tensorsFromSafetensors,
} from "./safetensors/tensorsFromSafetensors.ts";
export { tensorsToSafetensors } from "./safetensors/tensorsToSafetensors.ts";
