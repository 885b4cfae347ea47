import { ArgumentError, allocate, sizeOf } from "@squall/device";
import { type ChooseOptions, choice } from "./chooseOptions.ts";
import { readHeader } from "./header.ts";
import { type HostTensor, readElements } from "./hostTensor.ts";

/** What a safetensors file holds. */
export interface DecodedSafetensors {
  /** The tensors by name; those that were chosen. */
  readonly tensors: Record<string, HostTensor>;
  /** Text about the file; empty if it has none. */
  readonly metadata: Record<string, string>;
}

/** {@link decodeSafetensors} under another name for messages. */
export function decode(op: string, bytes: Uint8Array, options: ChooseOptions): DecodedSafetensors {
  if (!(bytes instanceof Uint8Array)) {
    throw new ArgumentError(op, "needs a Uint8Array; wrap an ArrayBuffer in new Uint8Array(buffer)", { got: bytes });
  }
  const { entries, metadata, start } = readHeader(op, bytes, choice(op, options));
  const tensors = entries.map(({ name, dtype, shape, begin, end }): [string, HostTensor] => {
    const data = allocate(dtype, sizeOf(shape));
    readElements(bytes.subarray(start + begin, start + end), dtype, data);
    return [name, { dtype, shape, data }];
  });
  // Unlike an assignment, this makes a plain entry of "__proto__".
  return { tensors: Object.fromEntries(tensors), metadata };
}

/**
 * Reads a safetensors file. Everything is checked before any element is read: the header against the file, every shape against its
 * bytes, and that the tensors fill the file without holes or overlaps. Elements are copied.
 * @throws FormatError if the bytes are not a whole, valid file; DTypeError if a tensor is neither F32 nor F64: leave it out with `only`.
 */
export function decodeSafetensors(bytes: Uint8Array, options: ChooseOptions = {}): DecodedSafetensors {
  return decode("decodeSafetensors", bytes, options);
}
