import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bytes } from "../src/assembler/bytes.ts";
import { Code } from "../src/assembler/code.ts";
import { Module } from "../src/assembler/module.ts";

/** The number that LEB128 bytes stand for. */
function decode(bytes: Uint8Array, signed: boolean): bigint {
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
  }
  const negative = signed && ((bytes.at(-1) ?? 0) & 0x40) !== 0;
  return negative ? value - (1n << shift) : value;
}

describe("Bytes", () => {
  it("writes LEB128 of either kind, no byte longer than needed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer(), (natural, whole) => {
        const unsigned = new Bytes().unsigned(natural).toArray();
        expect(decode(unsigned, false)).toBe(BigInt(natural));
        expect(unsigned.length).toBe(Math.max(1, Math.ceil(natural.toString(2).length / 7)));
        const signed = new Bytes().signed(whole).toArray();
        expect(decode(signed, true)).toBe(BigInt(whole));
        expect(signed.length).toBeLessThanOrEqual(5);
        expect([...unsigned, ...signed].filter((byte) => byte < 0x80)).toHaveLength(2);
      }),
    );
    expect([...new Bytes().signed(-1).toArray(), ...new Bytes().signed(64).toArray()]).toEqual([0x7f, 0xc0, 0x00]);
  });

  it("grows, appends and measures", () => {
    const long = new Bytes();
    for (let i = 0; i < 1000; i++) long.push(i & 0xff);
    const whole = new Bytes().name("ab").sized(long).toArray();
    expect([...whole.subarray(0, 5)]).toEqual([2, 97, 98, 0xe8, 0x07]);
    expect(whole.subarray(5)).toEqual(Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff));
  });
});

describe("Module", () => {
  it("makes modules that run: vectors copied four floats at a time", () => {
    const module = new Module();
    module.add("run", 3, (code) => {
      const [from, to, count] = [code.parameter(0), code.parameter(1), code.parameter(2)];
      const vector = code.local("v128");
      code.countDown(count, () => {
        code.load(from, 0).set(vector).store(to, 16, vector);
        code.advance(from, 16).advance(to, 16);
      });
    });
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes(false)), { env: { memory } });
    const floats = new Float32Array(memory.buffer);
    floats.set([1, 2, 3, 4, 5, 6, 7, 8]);
    if (typeof exports.run !== "function") throw new Error("no function");
    exports.run(0, 1024, 2);
    expect([...floats.subarray(256 + 4, 256 + 12)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("knows its parameters", () => {
    expect(() => new Code(2).parameter(2)).toThrow("there is no parameter 2");
  });
});
