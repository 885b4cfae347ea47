import { ArgumentError, StateDictError } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EarlyStopping } from "../src/index.ts";
import { expectError, fraction } from "./samples.ts";

const options = fc.record({
  mode: fc.constantFrom("min" as const, "max" as const),
  patience: fc.integer({ min: 1, max: 4 }),
  minDelta: fc.constantFrom(0, 0.25, 1),
});
const metrics = fc.array(fc.oneof(fraction(-2, 2), fc.constantFrom(Number.NaN)), { maxLength: 15 });

describe("EarlyStopping", () => {
  it("stops after as many steps without improvement as its patience", () => {
    fc.assert(
      fc.property(options, metrics, ({ mode, patience, minDelta }, values) => {
        const stopping = new EarlyStopping({ mode, patience, minDelta });
        let best: number | undefined;
        let bad = 0;
        for (const [k, value] of values.entries()) {
          const gain = best === undefined ? Number.POSITIVE_INFINITY : mode === "min" ? best - value : value - best;
          const better = !Number.isNaN(value) && gain > minDelta;
          bad = better ? 0 : bad + 1;
          if (better) best = value;
          expect(stopping.step(value)).toBe(bad >= patience);
          expect(stopping.stopped).toBe(bad >= patience);
          expect([stopping.improved, stopping.best, stopping.lastEpoch]).toEqual([better, best, k + 1]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("has the defaults of its documentation", () => {
    const stopping = new EarlyStopping();
    expect([stopping.improved, stopping.stopped, stopping.best]).toEqual([false, false, undefined]);
    expect(stopping.step(1)).toBe(false);
    expect(stopping.step(1 - 1e-12)).toBe(false);
    expect(stopping.improved).toBe(true);
    expect(Array.from({ length: 10 }, () => stopping.step(1)).indexOf(true)).toBe(9);
  });

  it("takes infinitely bad metrics, which any other improves on", () => {
    const stopping = new EarlyStopping({ patience: 2 });
    expect(stopping.step(Number.POSITIVE_INFINITY)).toBe(false);
    expect(stopping.stateDict()).toEqual({ lastEpoch: 1, best: null, badEpochs: 1 });
    expect(stopping.step(5)).toBe(false);
    expect(stopping.best).toBe(5);
  });

  it("resumes exactly from its state", () => {
    fc.assert(
      fc.property(options, metrics, metrics, (chosen, before, after) => {
        const first = new EarlyStopping(chosen);
        for (const value of before) first.step(value);
        const second = new EarlyStopping(chosen);
        second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
        expect([second.improved, second.stopped, second.best]).toEqual([first.improved, first.stopped, first.best]);
        for (const value of after) expect(second.step(value)).toBe(first.step(value));
        expect(second.stateDict()).toEqual(first.stateDict());
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ["min", Number.NEGATIVE_INFINITY],
    ["max", Number.POSITIVE_INFINITY],
    ["min", undefined],
  ] as const)("refuses in mode %s the metric %s", (mode, metric) => {
    expectError(
      () => new EarlyStopping({ mode }).step(metric as never),
      ArgumentError,
      `EarlyStopping: the metric must be a number that can be improved on, got ${metric}; read a tensor with await loss.item()`,
    );
  });

  it.each([
    [{ patience: 0 }, "patience must be a whole number >= 1, got 0"],
    [{ minDelta: -1 }, "minDelta must be a finite number >= 0, got -1"],
    [{ mode: "lower" }, 'mode must be "min" or "max", got "lower"'],
    [{ delta: 1 }, 'there is no option "delta"; the options are mode, patience, minDelta'],
  ])("refuses %j", (chosen, message) => {
    expectError(() => new EarlyStopping(chosen as never), ArgumentError, `EarlyStopping: ${message}`);
  });

  it.each([
    [null, "needs an object, got null"],
    [{ lastEpoch: 1, badEpochs: 0 }, "best must be a finite number, got undefined"],
    [{ lastEpoch: 1, best: 1, badEpochs: -1 }, "badEpochs must be a whole number >= 0, got -1"],
    [
      { lastEpoch: 1, best: 1, badEpochs: 0, lr: 1 },
      'there is no option "lr"; the options are lastEpoch, best, badEpochs',
    ],
  ])("refuses the state %j and changes nothing", (state, message) => {
    const stopping = new EarlyStopping();
    stopping.step(3);
    expectError(
      () => stopping.loadStateDict(state as never),
      StateDictError,
      `EarlyStopping.loadStateDict: state: ${message}`,
    );
    expect(stopping.stateDict()).toEqual({ lastEpoch: 1, best: 3, badEpochs: 0 });
  });
});
