import {
  ArgumentError,
  bytesPerElement,
  checkShape,
  DTypeError,
  dtypeOf,
  dtypes,
  formatShape,
  ShapeError,
  sizeOf,
} from "@squall/device";
import { dtypeWords, type HostTensor, metadataKey, writeElements } from "./hostTensor.ts";

/** Files are padded so that elements start at a multiple of this, as every reader that maps files into memory wants. */
const alignment = 8;

/** Order of code units: the same everywhere, unlike that of a locale. */
function inOrder(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** @throws ArgumentError for half a surrogate pair, which UTF-8 cannot hold. */
function checkText(op: string, what: string, text: unknown): asserts text is string {
  if (typeof text !== "string" || /\p{Surrogate}/u.test(text)) {
    throw new ArgumentError(op, `${what} must be a string of whole characters, got ${JSON.stringify(text)}`, {
      got: text,
    });
  }
}

function checkTensor(op: string, name: string, { dtype, shape, data }: HostTensor): void {
  checkText(op, "a tensor's name", name);
  if (name === metadataKey) {
    throw new ArgumentError(op, `a tensor cannot be named "${metadataKey}"; the format keeps that for text`, {
      got: name,
    });
  }
  if (!dtypes.includes(dtype) || !(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new DTypeError(op, `"${name}" must be ${dtypes.join(" or ")} with data to match, got ${String(dtype)}`, {
      expected: dtypes,
      got: dtype,
    });
  }
  if (dtypeOf(data) !== dtype) {
    throw new DTypeError(op, `"${name}" says ${dtype} but its data is ${dtypeOf(data)}; convert one of them`, {
      expected: dtype,
      got: dtypeOf(data),
    });
  }
  checkShape(`${op}: "${name}"`, shape);
  if (sizeOf(shape) !== data.length) {
    throw new ShapeError(
      op,
      `"${name}" has shape ${formatShape(shape)}, ${sizeOf(shape)} elements, but its data has ${data.length}`,
      { expected: sizeOf(shape), got: data.length },
    );
  }
}

/** {@link encodeSafetensors} under another name for messages. */
export function encode(
  op: string,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(tensors);
  for (const [name, tensor] of entries) checkTensor(op, name, tensor);
  // Wide elements first, so that all stay aligned; then by name, so that equal contents give equal bytes.
  entries.sort(([a, x], [b, y]) => bytesPerElement(y.dtype) - bytesPerElement(x.dtype) || inOrder(a, b));
  const texts = Object.entries(metadata).sort(([a], [b]) => inOrder(a, b));
  for (const [key, text] of texts) {
    checkText(op, "a metadata key", key);
    checkText(op, `metadata "${key}"`, text);
  }
  // Objects would put names that look like numbers first, so the header is written by hand.
  const pair = (key: string, value: string): string => `${JSON.stringify(key)}:${value}`;
  const members: string[] = [];
  if (texts.length > 0) {
    const inner = texts.map(([key, text]) => pair(key, JSON.stringify(text)));
    members.push(pair(metadataKey, `{${inner.join(",")}}`));
  }
  let end = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    const begin = end;
    end += data.byteLength;
    members.push(pair(name, JSON.stringify({ dtype: dtypeWords[dtype], shape, data_offsets: [begin, end] })));
  }
  const header = new TextEncoder().encode(`{${members.join(",")}}`);
  const headerLength = Math.ceil(header.length / alignment) * alignment;
  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length, 8 + headerLength);
  let at = 8 + headerLength;
  for (const [, { dtype, data }] of entries) {
    writeElements(data, dtype, bytes.subarray(at, at + data.byteLength));
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Tensors as a safetensors file (https://huggingface.co/docs/safetensors): equal contents give equal bytes.
 * @param tensors - by name, `float32` or `float64`
 * @param metadata - text about the file. Default none.
 * @throws DTypeError, ShapeError if a tensor's data is not what it says; ArgumentError if a name or text cannot be stored.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return encode("encodeSafetensors", tensors, metadata);
}
