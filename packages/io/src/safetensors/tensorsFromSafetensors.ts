import { type Device, DTypeError } from "@squall/device";
import { type Tensor, tensor } from "@squall/tensor";
import type { ChooseOptions } from "./chooseOptions.ts";
import { decode } from "./decode.ts";

/** Options of {@link tensorsFromSafetensors}. */
export interface LoadTensorsOptions extends ChooseOptions {
  /** Where the tensors go. Default: the CPU. */
  readonly device?: Device;
}

/** What {@link tensorsFromSafetensors} returns. */
export interface LoadedTensors {
  /** The tensors by name; those that were chosen. They require no gradient. */
  readonly tensors: Record<string, Tensor>;
  /** Text about the file; empty if it has none. */
  readonly metadata: Record<string, string>;
}

/** {@link tensorsFromSafetensors} under another name for messages. */
export function decodeTensors(op: string, bytes: Uint8Array, options: LoadTensorsOptions): LoadedTensors {
  const { device } = options;
  const { tensors, metadata } = decode(op, bytes, options);
  const hosts = Object.entries(tensors);
  for (const [name, { dtype }] of hosts) {
    if (device !== undefined && !device.dtypes.includes(dtype)) {
      throw new DTypeError(
        op,
        `tensor ${JSON.stringify(name)} is ${dtype} but ${device.name} has only ${device.dtypes.join(", ")}; load it on the cpu and convert it`,
        { expected: device.dtypes, got: dtype },
      );
    }
  }
  const made = hosts.map(([name, { dtype, shape, data }]): [string, Tensor] => [
    name,
    tensor(data, { dtype, shape, ...(device && { device }) }),
  ]);
  return { tensors: Object.fromEntries(made), metadata };
}

/**
 * Reads a safetensors file into tensors.
 * @throws FormatError if the bytes are not a whole, valid file; DTypeError if a tensor is neither F32 nor F64, or the device lacks its dtype:
 * leave it out with `only`.
 */
export function tensorsFromSafetensors(bytes: Uint8Array, options: LoadTensorsOptions = {}): LoadedTensors {
  return decodeTensors("tensorsFromSafetensors", bytes, options);
}
