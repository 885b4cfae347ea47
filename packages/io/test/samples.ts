import type { DType, FloatArray } from "@squall/device";
import { allocate, sizeOf } from "@squall/device";
import fc from "fast-check";
import { expect } from "vitest";
import type { HostTensor } from "../src/index.ts";

/** Any bit pattern that a float can have, NaN and the infinities among them. */
function elements(dtype: DType, length: number): fc.Arbitrary<FloatArray> {
  const options = { minLength: length, maxLength: length };
  return dtype === "float32" ? fc.float32Array(options) : fc.float64Array(options);
}

/** Tensors of both dtypes, scalars and empty ones too. */
export const hostTensor: fc.Arbitrary<HostTensor> = fc
  .tuple(fc.constantFrom<DType>("float32", "float64"), fc.array(fc.nat(4), { maxLength: 3 }))
  .chain(([dtype, shape]) => elements(dtype, sizeOf(shape)).map((data) => ({ dtype, shape, data })));

const name = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("__proto__", "constructor", "toString", "0", "10", "9", 'a"b\\c', "cells.0.weight"),
);

/** Some tensors by name. */
export const hostTensors: fc.Arbitrary<Record<string, HostTensor>> = fc
  .uniqueArray(fc.tuple(name, hostTensor), { maxLength: 6, selector: ([key]) => key })
  .map((entries) => Object.fromEntries(entries));

/** Some text by name. */
export const texts: fc.Arbitrary<Record<string, string>> = fc
  .uniqueArray(fc.tuple(name, fc.string({ unit: "grapheme" })), { maxLength: 3, selector: ([key]) => key })
  .map((entries) => Object.fromEntries(entries));

/** A float32 tensor that counts from 0. */
export function counting(...shape: number[]): HostTensor {
  const data = allocate("float32", sizeOf(shape)).map((_, k) => k);
  return { dtype: "float32", shape, data };
}

/** A file with the given header text and number of bytes of elements. */
export function file(header: string, room: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + room);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** A file with tensors of other dtypes behind its own, by name, each of `size` bytes. */
export function withForeign(
  bytes: Uint8Array,
  strangers: readonly (readonly [name: string, { readonly word: string; readonly size: number }])[],
): Uint8Array {
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = new TextDecoder().decode(bytes.subarray(8, start)).trimEnd();
  let end = bytes.length - start;
  const members = strangers.map(([name, { word, size }]) => {
    const begin = end;
    end += size;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: word, shape: [size], data_offsets: [begin, end] })}`;
  });
  const own = header.slice(1, -1);
  const whole = file(`{${[...(own === "" ? [] : [own]), ...members].join(",")}}`, end);
  whole.set(bytes.subarray(start), whole.length - end);
  return whole;
}

/** What `run` throws. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** `run` must throw a `type` that says exactly `message`. */
export function expectError(run: () => unknown, type: new (...args: never[]) => Error, message: string): void {
  const thrown = thrownBy(run);
  expect(thrown).toBeInstanceOf(type);
  expect(thrown).toHaveProperty("message", message);
}
