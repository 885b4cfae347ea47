// What messages say of a wrong argument. One device: the CPU.
import { Conv2d, EncoderForecaster } from "@squall/nn";
import { zeros } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkNumber, checkWhole, show, wholePerAxis } from "../../src/arguments.ts";
import { refusal } from "../refusal.ts";

describe("a wrong argument is told in a few words:", () => {
  it.each<[value: unknown, text: string]>([
    ["text", '"text"'],
    ['a "quoted"\nline', '"a \\"quoted\\"\\nline"'],
    ["x".repeat(1000), `"${"x".repeat(40)}…"`],
    [3.5, "3.5"],
    [Number.NaN, "NaN"],
    [7n, "7"],
    [true, "true"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("s"), "Symbol(s)"],
    [() => 1, "a function"],
    [Conv2d, "a function"],
    [[1, [2], "3"], '[1,a list of 1,"3"]'],
    [Array.from({ length: 9 }, () => 1), "a list of 9"],
    [{ a: 1 }, "an object"],
    [Object.create(null), "an object"],
    [{ constructor: 1 }, "an object"],
    [new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1 }), "a Conv2d"],
    [zeros([2, 3]), "a Tensor"],
  ])("%o", (value, text) => {
    expect(show(value)).toBe(text);
  });

  it("whatever it is", () => {
    const ring: unknown[] = [];
    ring.push(ring);
    expect(show(ring)).toBe("[a list of 1]");
    fc.assert(fc.property(fc.anything({ withBigInt: false, maxDepth: 3 }), (value) => show(value).length < 2000));
  });

  it("in messages, too", () => {
    const head = new Conv2d({ inChannels: 64, outChannels: 64, kernelSize: 3 });
    // @ts-expect-error a head is made by name
    expect(() => new EncoderForecaster({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, head })).toThrow(
      refusal("ArgumentError", 'EncoderForecaster: head must be one of "all", "last", got a Conv2d'),
    );
    // @ts-expect-error a text is no number
    expect(() => checkWhole("f", "size", "3", 1)).toThrow('f: size must be a whole number >= 1, got "3"');
    // @ts-expect-error an array is no number
    expect(() => checkNumber("f", "rate", [1, 2])).toThrow("f: rate must be a finite number, got [1,2]");
    // @ts-expect-error an object is no size
    expect(() => wholePerAxis("f", "size", {}, 2, 1)).toThrow(
      "f: size must be a whole number or one per axis, got an object",
    );
  });
});
