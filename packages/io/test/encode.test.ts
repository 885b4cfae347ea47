import { ArgumentError, DTypeError, ShapeError } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeSafetensors } from "../src/index.ts";
import { readElements, writeElements } from "../src/safetensors/hostTensor.ts";
import { counting, expectError, hostTensor, hostTensors, texts } from "./samples.ts";

function headerOf(bytes: Uint8Array): string {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return new TextDecoder().decode(bytes.subarray(8, 8 + length));
}

describe("encodeSafetensors", () => {
  it("lays a file out as the format says", () => {
    const bytes = encodeSafetensors(
      {
        b: { dtype: "float32", shape: [2], data: Float32Array.of(1, -2) },
        "10": { dtype: "float32", shape: [], data: Float32Array.of(0.5) },
        a: { dtype: "float64", shape: [1, 1], data: Float64Array.of(3) },
      },
      { format: "squall" },
    );
    const header =
      '{"__metadata__":{"format":"squall"},"a":{"dtype":"F64","shape":[1,1],"data_offsets":[0,8]},' +
      '"10":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}';
    const padded = Math.ceil(header.length / 8) * 8;
    expect(headerOf(bytes)).toBe(header.padEnd(padded, " "));
    const view = new DataView(bytes.buffer, 8 + padded);
    expect(view.byteLength).toBe(20);
    expect(view.getFloat64(0, true)).toBe(3);
    expect([8, 12, 16].map((at) => view.getFloat32(at, true))).toEqual([0.5, 1, -2]);
  });

  it("gives equal bytes for equal contents in any order, with aligned elements", () => {
    fc.assert(
      fc.property(hostTensors, texts, (tensors, metadata) => {
        const bytes = encodeSafetensors(tensors, metadata);
        const reversed = Object.fromEntries(Object.entries(tensors).reverse());
        expect(encodeSafetensors(reversed, Object.fromEntries(Object.entries(metadata).reverse()))).toEqual(bytes);
        expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it("writes and reads little-endian bytes on machines of either order", () => {
    fc.assert(
      fc.property(hostTensor, ({ dtype, data }) => {
        const own = new Uint8Array(data.byteLength);
        const other = new Uint8Array(data.byteLength);
        writeElements(data, dtype, own, true);
        writeElements(data, dtype, other, false);
        const width = data.BYTES_PER_ELEMENT;
        for (let k = 0; k < own.length; k++) {
          const mirrored = k - (k % width) + (width - 1 - (k % width));
          expect(other[k]).toBe(own[mirrored]);
        }
        const back = data.slice().fill(0);
        readElements(other, dtype, back, false);
        expect(back).toEqual(data);
      }),
      { numRuns: 100 },
    );
  });

  it("refuses tensors that are not what they say", () => {
    expectError(
      () => encodeSafetensors({ w: { dtype: "float64", shape: [1], data: Float32Array.of(1) } }),
      DTypeError,
      'encodeSafetensors: "w" says float64 but its data is float32; convert one of them',
    );
    expectError(
      () => encodeSafetensors({ w: { dtype: "int32" as never, shape: [1], data: Float32Array.of(1) } }),
      DTypeError,
      'encodeSafetensors: "w" must be float32 or float64 with data to match, got int32',
    );
    expectError(
      () => encodeSafetensors({ w: { ...counting(4), shape: [2, 3] } }),
      ShapeError,
      'encodeSafetensors: "w" has shape [2,3], 6 elements, but its data has 4',
    );
    expect(() => encodeSafetensors({ w: { ...counting(4), shape: [-2, -2] } })).toThrow(ShapeError);
  });

  it("refuses names and texts that cannot be stored", () => {
    expectError(
      () => encodeSafetensors({ __metadata__: counting(1) }),
      ArgumentError,
      'encodeSafetensors: a tensor cannot be named "__metadata__"; the format keeps that for text',
    );
    expectError(
      () => encodeSafetensors({ "\ud800": counting(1) }),
      ArgumentError,
      'encodeSafetensors: a tensor\'s name must be a string of whole characters, got "\\ud800"',
    );
    expectError(
      () => encodeSafetensors({}, { epoch: 3 as never }),
      ArgumentError,
      'encodeSafetensors: metadata "epoch" must be a string of whole characters, got 3',
    );
  });
});
