import { bytesPerElement, type DType, type FloatArray, type Shape } from "@squall/device";

/** A tensor on the host: what a file holds. */
export interface HostTensor {
  /** Element type, that of `data`. */
  readonly dtype: DType;
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** The elements, row-major. */
  readonly data: FloatArray;
}

/** The header key that holds text about the file, and so cannot name a tensor. */
export const metadataKey = "__metadata__";

/** Safetensors' words for the dtypes. */
export const dtypeWords: Readonly<Record<DType, string>> = { float32: "F32", float64: "F64" };

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The bytes of some elements, in the order of this machine. */
function bytesOf(data: FloatArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Copies bytes between a file's order, which is little-endian, and this machine's. */
function copyOrdered(source: Uint8Array, target: Uint8Array, dtype: DType, littleEndian: boolean): void {
  target.set(source);
  if (littleEndian) return;
  const width = bytesPerElement(dtype);
  for (let k = 0; k < target.length; k += width) target.subarray(k, k + width).reverse();
}

/** Writes elements as a file has them. `littleEndian` is about the machine; only tests give it. */
export function writeElements(
  data: FloatArray,
  dtype: DType,
  target: Uint8Array,
  littleEndian: boolean = isLittleEndian,
): void {
  copyOrdered(bytesOf(data), target, dtype, littleEndian);
}

/** Fills `data` with elements as a file has them, whatever the alignment of `source`. */
export function readElements(
  source: Uint8Array,
  dtype: DType,
  data: FloatArray,
  littleEndian: boolean = isLittleEndian,
): void {
  copyOrdered(source, bytesOf(data), dtype, littleEndian);
}
