/** Element types. `float32` is the working type; `float64` is for checking gradients. */
export type DType = "float32" | "float64";

/** The host-side array of a {@link DType}. */
export type FloatArray = Float32Array | Float64Array;

/** Every dtype, in order of size. */
export const dtypes: readonly DType[] = ["float32", "float64"];

/** Bytes of one element. */
export function bytesPerElement(dtype: DType): number {
  return dtype === "float32" ? 4 : 8;
}

/** A zero-filled host array of `length` elements of `dtype`. */
export function allocate(dtype: DType, length: number): FloatArray {
  return dtype === "float32" ? new Float32Array(length) : new Float64Array(length);
}

/** The dtype that an array holds. */
export function dtypeOf(array: FloatArray): DType {
  return array instanceof Float32Array ? "float32" : "float64";
}
