import { ArgumentError, DTypeError, SquallError, sizeOf } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors, FormatError } from "../src/index.ts";
import { counting, expectError, file, hostTensors, texts, thrownBy, withForeign } from "./samples.ts";

/** Decoding either works, with sizes that fit, or is a clear error. Returns whether it worked. */
function expectSafe(bytes: Uint8Array): boolean {
  const result: { tensors?: ReturnType<typeof decodeSafetensors>["tensors"] } = {};
  const thrown = thrownBy(() => {
    result.tensors = decodeSafetensors(bytes).tensors;
  });
  if (result.tensors === undefined) {
    expect(thrown instanceof FormatError || thrown instanceof DTypeError, String(thrown)).toBe(true);
    return false;
  }
  let size = 0;
  for (const { dtype, shape, data } of Object.values(result.tensors)) {
    expect(data.length).toBe(sizeOf(shape));
    expect(data).toBeInstanceOf(dtype === "float32" ? Float32Array : Float64Array);
    size += data.byteLength;
  }
  const header = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  expect(8 + header + size).toBe(bytes.length);
  return true;
}

describe("decodeSafetensors", () => {
  it("gives back what was encoded, bit by bit, at any alignment", () => {
    fc.assert(
      fc.property(hostTensors, texts, fc.nat(7), (tensors, metadata, shift) => {
        const bytes = encodeSafetensors(tensors, metadata);
        const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
        shifted.set(bytes);
        const decoded = decodeSafetensors(shifted);
        expect(decoded.metadata).toEqual(metadata);
        expect(new Set(Object.keys(decoded.tensors))).toEqual(new Set(Object.keys(tensors)));
        for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
          const got = Object.getOwnPropertyDescriptor(decoded.tensors, name)?.value;
          expect([got.dtype, got.shape]).toEqual([dtype, shape]);
          expect(new Uint8Array(got.data.buffer)).toEqual(
            new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  it("copies: neither side sees the other's changes", () => {
    const bytes = encodeSafetensors({ w: counting(3) });
    const { tensors } = decodeSafetensors(bytes);
    bytes.fill(0);
    expect([...tensors.w.data]).toEqual([0, 1, 2]);
  });

  it("makes plain entries of names that objects already have", () => {
    const named = Object.fromEntries([["__proto__", counting(1)]]);
    const { tensors, metadata } = decodeSafetensors(encodeSafetensors(named, Object.fromEntries([["__proto__", "x"]])));
    expect(Object.keys(tensors)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(tensors)).toBe(Object.prototype);
    expect(Object.keys(metadata)).toEqual(["__proto__"]);
  });

  it("takes tensors in any order, unpadded headers, and spaces and line breaks between words", () => {
    const header =
      '{ "b" : {"dtype":"F32","shape":[1],"data_offsets":[8,12]},\n "a":{"dtype":"F64","shape":[],"data_offsets":[0,8]}, "e":{"dtype":"F32","shape":[0],"data_offsets":[8,8]} }';
    const { tensors } = decodeSafetensors(file(header, 12));
    expect(Object.values(tensors).map(({ shape }) => shape)).toEqual([[1], [], [0]]);
  });

  it("survives every truncation", () => {
    const bytes = encodeSafetensors({ a: counting(2, 3), b: counting() }, { note: "x" });
    for (let length = 0; length < bytes.length; length++) expect(expectSafe(bytes.slice(0, length))).toBe(false);
    expect(expectSafe(bytes)).toBe(true);
  });

  it("survives any change of some bytes", () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(hostTensors, flips, (tensors, changes) => {
        const bytes = encodeSafetensors(tensors, { note: "some text" });
        const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
        for (const [place, mask] of changes) bytes[place % header] ^= mask;
        expectSafe(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it("survives headers of any JSON", () => {
    const word = fc.constantFrom("F32", "F64", "I64", "BOOL", 3);
    const offset = fc.oneof(fc.nat(24), fc.constantFrom(-4, 0.5, 1e300, 2 ** 53, null));
    const tensor = fc.record(
      {
        dtype: word,
        shape: fc.oneof(fc.array(offset, { maxLength: 3 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.array(offset, { maxLength: 3 }), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const key = fc.constantFrom("a", "b", "c", "__metadata__", "__proto__");
    const header = fc.dictionary(key, fc.oneof({ weight: 4, arbitrary: tensor }, fc.jsonValue()));
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: header }, fc.jsonValue()), fc.nat(32), (value, room) => {
        expectSafe(file(JSON.stringify(value), room));
      }),
      { numRuns: 1000 },
    );
  });

  it("survives nesting deeper than the stack", () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    expectSafe(file(`{"a":{"dtype":"F32","shape":${deep},"data_offsets":[0,4]}}`, 4));
  });

  const a = '"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}';
  const f32 = (name: string, begin: number, end: number): string =>
    `"${name}":{"dtype":"F32","shape":[${(end - begin) / 4}],"data_offsets":[${begin},${end}]}`;
  const cases: [string, Uint8Array, string][] = [
    [
      "a short file",
      new Uint8Array(5),
      "the file has 5 bytes but needs at least 8; this is not a whole safetensors file",
    ],
    [
      "a header longer than the file",
      file(`{${a}}`, 8).slice(0, 20),
      "the header should have 54 bytes but only 12 are there; this is not a whole safetensors file",
    ],
    [
      "a header length beyond any file",
      new Uint8Array(16).fill(255),
      "the header should have 18446744073709551615 bytes but only 8 are there; this is not a whole safetensors file",
    ],
    ["an empty header", file("", 8), 'the header must start with "{", got ""; this is not a whole safetensors file'],
    [
      "a leading space",
      file(` {${a}}`, 8),
      'the header must start with "{", got " "; this is not a whole safetensors file',
    ],
    [
      "bytes that are not UTF-8",
      Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0x28),
      "the header is not UTF-8; this is not a whole safetensors file",
    ],
    ["a name twice", file(`{${a},${a}}`, 8), 'the header has "a" twice'],
    ["a name twice in other letters", file(`{${a},"\\u0061":{}}`, 8), 'the header has "a" twice'],
    [
      "a field twice",
      file('{"a":{"dtype":"F32","shape":[2],"shape":[1],"data_offsets":[0,4]}}', 4),
      'the header has "shape" twice',
    ],
    ["metadata twice", file('{"__metadata__":{"k":"1","k":"2"}}', 0), 'the header has "k" twice'],
    ["metadata that is no text", file('{"__metadata__":{"k":1}}', 0), 'metadata "k" must be a string, got 1'],
    ["metadata that is no object", file('{"__metadata__":["k"]}', 0), '"__metadata__" must be an object of strings'],
    ["a tensor that is no object", file('{"a":3}', 0), 'tensor "a" must have a dtype, a shape and data_offsets'],
    [
      "a fractional shape",
      file('{"a":{"dtype":"F32","shape":[0.5],"data_offsets":[0,2]}}', 2),
      'tensor "a": shape must be whole numbers >= 0 with a product below 2^53, got [0.5]',
    ],
    [
      "a shape too large to count",
      file('{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}', 0),
      'tensor "a": shape must be whole numbers >= 0 with a product below 2^53, got [4294967296,4294967296]',
    ],
    [
      "offsets in the wrong order",
      file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}', 8),
      'tensor "a": data_offsets must be [begin, end] with begin <= end, got [8,0]',
    ],
    [
      "a negative offset",
      file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}', 8),
      'tensor "a": data_offsets must be [begin, end] with begin <= end, got [-8,0]',
    ],
    [
      "a shape that does not fill its bytes",
      file('{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}', 8),
      'tensor "a": shape [2] of F64 needs 16 bytes but data_offsets [0,8] give 8',
    ],
    ["an overlap", file(`{${a},${f32("b", 4, 12)}}`, 12), 'tensor "b" overlaps "a": it begins at byte 4, not at 8'],
    [
      "a hole",
      file(`{${a},${f32("b", 12, 16)}}`, 16),
      'tensor "b" leaves a hole after "a": it begins at byte 12, not at 8',
    ],
    [
      "a late start",
      file(`{${f32("b", 4, 8)}}`, 8),
      'tensor "b" leaves a hole after the start: it begins at byte 4, not at 0',
    ],
    ["a cut end", file(`{${a}}`, 4), 'tensor "a" ends at byte 8 but the file has only 4 bytes of elements'],
    ["extra bytes", file(`{${a}}`, 9), "the tensors fill 8 bytes but the file has 9 bytes of elements"],
  ];

  it.each(cases)("refuses %s", (_, bytes, message) => {
    expectError(() => decodeSafetensors(bytes), FormatError, `decodeSafetensors: ${message}`);
    expect(thrownBy(() => decodeSafetensors(bytes))).toBeInstanceOf(SquallError);
  });

  it("refuses what is not JSON", () => {
    const thrown = thrownBy(() => decodeSafetensors(file("{nonsense}", 0)));
    expect(thrown).toBeInstanceOf(FormatError);
    expect(String(thrown)).toMatch(/^FormatError: decodeSafetensors: the header is not JSON: /);
  });

  it("refuses other dtypes by name", () => {
    expectError(
      () => decodeSafetensors(file('{"cells.0.w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', 4)),
      DTypeError,
      'decodeSafetensors: tensor "cells.0.w" is BF16, but only F32 and F64 can be read; convert it before saving, or leave it out: { only: (name) => name !== "cells.0.w" }',
    );
  });

  it("reads the tensors that are chosen, whatever the dtypes of the others", () => {
    const foreign = fc.record({
      word: fc.constantFrom("I64", "F16", "BF16", "BOOL", "F8_E4M3", "F4"),
      size: fc.nat(24),
    });
    const chosen = fc.func(fc.boolean());
    fc.assert(
      fc.property(
        hostTensors,
        fc.dictionary(fc.string({ maxLength: 6 }), foreign),
        texts,
        chosen,
        (ours, others, metadata, only) => {
          const strangers = Object.entries(others).filter(
            ([name]) => !Object.hasOwn(ours, name) && name !== "__metadata__",
          );
          const bytes = withForeign(encodeSafetensors(ours, metadata), strangers);
          const wanted = (name: string): boolean => Object.hasOwn(ours, name) && only(name);
          const asked: string[] = [];
          const decoded = decodeSafetensors(bytes, {
            only: (name) => {
              asked.push(name);
              return wanted(name);
            },
          });
          expect(asked.toSorted()).toEqual([...Object.keys(ours), ...strangers.map(([name]) => name)].toSorted());
          expect(decoded.metadata).toEqual(metadata);
          const expected = Object.fromEntries(Object.entries(ours).filter(([name]) => only(name)));
          expect(encodeSafetensors(decoded.tensors)).toEqual(encodeSafetensors(expected));
          if (strangers.length > 0) expect(thrownBy(() => decodeSafetensors(bytes))).toBeInstanceOf(DTypeError);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("checks that the file is whole also where nothing is chosen", () => {
    const bytes = withForeign(encodeSafetensors({ a: counting(2, 3) }), [["n", { word: "I64", size: 8 }]]);
    const none = { only: () => false };
    expect(decodeSafetensors(bytes, none)).toEqual({ tensors: {}, metadata: {} });
    for (let length = 0; length < bytes.length; length++) {
      expect(thrownBy(() => decodeSafetensors(bytes.slice(0, length), none))).toBeInstanceOf(FormatError);
    }
    const hole = file('{"n":{"dtype":"I64","shape":[1],"data_offsets":[4,12]}}', 12);
    expectError(
      () => decodeSafetensors(hole, none),
      FormatError,
      'decodeSafetensors: tensor "n" leaves a hole after the start: it begins at byte 4, not at 0',
    );
    const short = file('{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}', 8);
    expectError(
      () => decodeSafetensors(short, none),
      FormatError,
      'decodeSafetensors: tensor "a": shape [2] of F64 needs 16 bytes but data_offsets [0,8] give 8',
    );
  });

  it("refuses a choice that is no function", () => {
    for (const [only, got] of [
      [["a"], "object"],
      ["a", "string"],
      [null, "null"],
    ] as const) {
      expectError(
        () => decodeSafetensors(encodeSafetensors({}), { only: only as never }),
        ArgumentError,
        `decodeSafetensors: only must be a function of a tensor's name, got ${got}`,
      );
    }
  });

  it("refuses an ArrayBuffer", () => {
    expectError(
      () => decodeSafetensors(new ArrayBuffer(8) as never),
      ArgumentError,
      "decodeSafetensors: needs a Uint8Array; wrap an ArrayBuffer in new Uint8Array(buffer)",
    );
  });
});
