import { defaultGenerator, Generator, manualSeed } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const seeds = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe("a generator", () => {
  it("gives the same numbers for the same seed", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const draw = (generator: Generator): number[] => [
          ...Array.from({ length: 5 }, () => generator.next()),
          ...Array.from({ length: 3 }, () => generator.normal()),
          generator.integer(0, 1000),
        ];
        expect(draw(new Generator(seed))).toEqual(draw(new Generator(seed)));
      }),
    );
  });

  it("gives these numbers for seed 0, on every machine and in every release", () => {
    const generator = new Generator(0);
    expect([generator.next(), generator.next(), generator.next()]).toEqual([
      0.8196828549155046, 0.46686289628483224, 0.948163154932855,
    ]);
  });

  it("gives other numbers for a neighbouring seed", () => {
    const first = Array.from({ length: 100 }, (_, seed) => new Generator(seed).next());
    expect(new Set(first).size).toBe(100);
    expect(first.reduce((a, b) => a + b, 0) / 100).toBeCloseTo(0.5, 0);
  });

  it("goes on from a state, through JSON, in the middle of a normal pair too", () => {
    fc.assert(
      fc.property(seeds, fc.nat({ max: 3 }), (seed, drawn) => {
        const generator = new Generator(seed);
        for (let k = 0; k < drawn; k++) generator.normal();
        const state: ReturnType<Generator["getState"]> = JSON.parse(JSON.stringify(generator.getState()));
        const rest = (g: Generator): number[] => [g.normal(), g.next(), g.normal(), g.normal()];
        const other = new Generator(0);
        other.setState(state);
        expect(rest(other)).toEqual(rest(generator));
      }),
    );
  });

  it("has uniform numbers in [0, 1) with the moments that they should have", () => {
    const generator = new Generator(1);
    const values = Array.from({ length: 100_000 }, () => generator.next());
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(1 / 2, 2);
    expect(variance).toBeCloseTo(1 / 12, 2);
  });

  it("has whole numbers from low to high, all of them", () => {
    const generator = new Generator(2);
    const values = Array.from({ length: 300 }, () => generator.integer(-2, 3));
    expect([...new Set(values)].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
  });

  it("refuses seeds that are no whole numbers", () => {
    for (const seed of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new Generator(seed)).toThrow(
        refusal("ArgumentError", `Generator: the seed must be a whole number, got ${seed}`),
      );
      expect(() => manualSeed(seed)).toThrow(
        refusal("ArgumentError", `Generator: the seed must be a whole number, got ${seed}`),
      );
    }
  });

  it("refuses empty ranges", () => {
    const generator = new Generator(0);
    expect(() => generator.integer(3, 3)).toThrow(
      refusal("ArgumentError", "Generator.integer: needs whole numbers low < high, got low = 3, high = 3"),
    );
    expect(() => generator.integer(0, 2.5)).toThrow(
      refusal("ArgumentError", "Generator.integer: needs whole numbers low < high, got low = 0, high = 2.5"),
    );
  });

  it.each([
    [{ stream: [1, 2], spareNormal: null }],
    [{ stream: [0.5, 1, 2, 3], spareNormal: null }],
    [{ stream: [0, 0, 0, 0], spareNormal: null }],
    [{ stream: [1, 2, 3, 4], spareNormal: Number.NaN }],
  ])("refuses the state %o", (state) => {
    const generator = new Generator(0);
    const before = generator.getState();
    expect(() => generator.setState(state)).toThrow(
      refusal("ArgumentError", "Generator.setState: this is not a generator state; give one that getState returned"),
    );
    expect(generator.getState()).toEqual(before);
  });
});

describe("the default generator", () => {
  it("starts anew with manualSeed", () => {
    const generator = manualSeed(5);
    expect(defaultGenerator()).toBe(generator);
    const first = [generator.next(), generator.next()];
    manualSeed(5);
    expect([defaultGenerator().next(), defaultGenerator().next()]).toEqual(first);
  });
});
