import { ArgumentError } from "@squall/device";
import { Tensor } from "@squall/tensor";
import { encode } from "./encode.ts";
import type { HostTensor } from "./hostTensor.ts";

/** {@link tensorsToSafetensors} under another name for messages. */
export async function encodeTensors(
  op: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const entries = Object.entries(tensors);
  for (const [name, value] of entries) {
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(op, `"${name}" must be a tensor, got ${value === null ? "null" : typeof value}`, {
        got: value,
      });
    }
  }
  // All reads are queued before the first is awaited, so a training step meanwhile cannot tear the snapshot.
  const hosts = await Promise.all(
    entries.map(async ([name, tensor]): Promise<[string, HostTensor]> => {
      return [name, { dtype: tensor.dtype, shape: tensor.shape, data: await tensor.data() }];
    }),
  );
  return encode(op, Object.fromEntries(hosts), metadata);
}

/**
 * Reads tensors from their devices and encodes them as a safetensors file: a module's or an optimizer's state dict, say.
 * @param tensors - by name
 * @param metadata - text about the file. Default none.
 * @throws ArgumentError if a name or text cannot be stored, or something is no tensor.
 */
export function tensorsToSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return encodeTensors("tensorsToSafetensors", tensors, metadata);
}
