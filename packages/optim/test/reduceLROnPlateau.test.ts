import { ArgumentError, StateDictError } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "../src/index.ts";
import { expectClose, expectError, fraction } from "./samples.ts";
import { twoGroups } from "./schedules.ts";

/*
import torch
def run(metrics, **kw):
    p, q = (torch.zeros(1, requires_grad=True) for _ in range(2))
    o = torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.05}], lr=0.1)
    s = torch.optim.lr_scheduler.ReduceLROnPlateau(o, **kw)
    for m in metrics:
        s.step(m)
        print([g["lr"] for g in o.param_groups])
# once per row, with the row's options in snake_case
*/
const rows: { options: ReduceLROnPlateauOptions; metrics: number[]; first: number[]; second: number[] }[] = [
  {
    options: { patience: 1 },
    metrics: [1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8],
    first: [
      0.1, 0.1, 0.1, 0.010000000000000002, 0.010000000000000002, 0.0010000000000000002, 0.0010000000000000002,
      0.0010000000000000002, 0.00010000000000000003, 0.00010000000000000003,
    ],
    second: [
      0.05, 0.05, 0.05, 0.005000000000000001, 0.005000000000000001, 0.0005000000000000001, 0.0005000000000000001,
      0.0005000000000000001, 5.0000000000000016e-5, 5.0000000000000016e-5,
    ],
  },
  {
    options: { patience: 0, cooldown: 2, factor: 0.5 },
    metrics: [1, 1, 1, 1, 1, 1, 1, 1, 1],
    first: [0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125],
    second: [0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.0125, 0.00625, 0.00625],
  },
  {
    options: { mode: "max", threshold: 0.1, patience: 0, factor: 0.5 },
    metrics: [1, 1.05, 1.2, 1.25, 1.3, 1.5],
    first: [0.1, 0.05, 0.05, 0.025, 0.0125, 0.0125],
    second: [0.05, 0.025, 0.025, 0.0125, 0.00625, 0.00625],
  },
  {
    options: { mode: "max", threshold: 0.1, thresholdMode: "abs", patience: 0, factor: 0.5 },
    metrics: [1, 1.05, 1.2, 1.25, 1.3, 1.5],
    first: [0.1, 0.05, 0.05, 0.025, 0.0125, 0.0125],
    second: [0.05, 0.025, 0.025, 0.0125, 0.00625, 0.00625],
  },
  {
    options: { mode: "min", threshold: 0.1, thresholdMode: "abs", patience: 0, factor: 0.5 },
    metrics: [1, 0.95, 0.85, 0.8, 0.75, Number.NaN, 0.5],
    first: [0.1, 0.05, 0.05, 0.025, 0.0125, 0.00625, 0.00625],
    second: [0.05, 0.025, 0.025, 0.0125, 0.00625, 0.003125, 0.003125],
  },
  {
    options: { patience: 0, factor: 0.1, minLr: [0.02, 0.001] },
    metrics: [1, 1, 1, 1, 1, 1, 1],
    first: [0.1, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02],
    second: [0.05, 0.005000000000000001, 0.001, 0.001, 0.001, 0.001, 0.001],
  },
  {
    options: { patience: 0, factor: 0.5, eps: 0.03 },
    metrics: [1, 1, 1, 1],
    first: [0.1, 0.05, 0.05, 0.05],
    second: [0.05, 0.05, 0.05, 0.05],
  },
];

describe("ReduceLROnPlateau", () => {
  it.each(rows)("follows PyTorch with $options", ({ options, metrics, first, second }) => {
    const optimizer = twoGroups();
    const scheduler = new ReduceLROnPlateau(optimizer, options);
    for (const [k, metric] of metrics.entries()) {
      scheduler.step(metric);
      expectClose(scheduler.lastLr, [first[k], second[k]]);
    }
    expect(scheduler.lastEpoch).toBe(metrics.length);
  });

  const options = fc.record({
    mode: fc.constantFrom("min" as const, "max" as const),
    factor: fraction(0.25, 0.75),
    patience: fc.nat(2),
    threshold: fraction(0, 0.25),
    thresholdMode: fc.constantFrom("rel" as const, "abs" as const),
    cooldown: fc.nat(2),
    minLr: fc.constantFrom(0, 0.01, [0.02, 0.01]),
  });
  const metrics = fc.array(fc.oneof(fraction(-2, 2), fc.constant(Number.NaN)), { maxLength: 12 });

  it("resumes exactly from its state", () => {
    fc.assert(
      fc.property(options, metrics, metrics, (chosen, before, after) => {
        const first = new ReduceLROnPlateau(twoGroups(), chosen);
        for (const metric of before) first.step(metric);
        const second = new ReduceLROnPlateau(twoGroups(), chosen);
        second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
        for (const metric of after) {
          first.step(metric);
          second.step(metric);
          expect(second.lastLr).toEqual(first.lastLr);
        }
        expect(second.stateDict()).toEqual(first.stateDict());
      }),
      { numRuns: 100 },
    );
  });

  it("never raises a rate, and never goes below minLr", () => {
    fc.assert(
      fc.property(options, metrics, (chosen, values) => {
        const scheduler = new ReduceLROnPlateau(twoGroups(), chosen);
        let before = scheduler.lastLr;
        for (const value of values) {
          scheduler.step(value);
          for (const [g, lr] of scheduler.lastLr.entries()) {
            const least = typeof chosen.minLr === "number" ? chosen.minLr : chosen.minLr[g];
            expect(lr).toBeLessThanOrEqual(before[g]);
            expect(lr).toBeGreaterThanOrEqual(least);
          }
          before = scheduler.lastLr;
        }
      }),
      { numRuns: 60 },
    );
  });

  it("refuses metrics that are no numbers or that nothing could improve on", () => {
    const scheduler = new ReduceLROnPlateau(twoGroups());
    expectError(
      () => scheduler.step(Number.NEGATIVE_INFINITY),
      ArgumentError,
      "ReduceLROnPlateau: the metric must be a number that can be improved on, got -Infinity; read a tensor with await loss.item()",
    );
    expectError(
      () => scheduler.step(undefined as never),
      ArgumentError,
      "ReduceLROnPlateau: the metric must be a number that can be improved on, got undefined; read a tensor with await loss.item()",
    );
    scheduler.step(Number.POSITIVE_INFINITY);
    expect(scheduler.stateDict()).toEqual({
      lastEpoch: 1,
      best: null,
      badEpochs: 1,
      cooldownLeft: 0,
      lastLr: [0.1, 0.05],
    });
  });

  it.each([
    [{ factor: 1 }, "ReduceLROnPlateau: factor must be a finite number >= 0 and < 1, got 1"],
    [{ patience: -1 }, "ReduceLROnPlateau: patience must be a whole number >= 0, got -1"],
    [{ mode: "lower" }, 'ReduceLROnPlateau: mode must be "min" or "max", got "lower"'],
    [{ minLr: [0, 0, 0] }, "ReduceLROnPlateau: minLr must be one number or 2 (one per parameter group), got [0,0,0]"],
  ])("refuses %j", (options, message) => {
    expectError(() => new ReduceLROnPlateau(twoGroups(), options as never), ArgumentError, message);
  });

  it.each([
    [null, "needs an object, got null"],
    [{ lastEpoch: 1 }, "best must be a finite number, got undefined"],
    [
      { lastEpoch: 1, best: 1, badEpochs: 0.5, cooldownLeft: 0, lastLr: [1, 1] },
      "badEpochs must be a whole number >= 0, got 0.5",
    ],
  ])("refuses the state %j", (state, message) => {
    const scheduler = new ReduceLROnPlateau(twoGroups());
    expectError(
      () => scheduler.loadStateDict(state as never),
      StateDictError,
      `ReduceLROnPlateau.loadStateDict: state: ${message}`,
    );
    expect(scheduler.stateDict()).toEqual(new ReduceLROnPlateau(twoGroups()).stateDict());
  });

  it("refuses the state of another number of groups", () => {
    const state = { lastEpoch: 1, best: 1, badEpochs: 0, cooldownLeft: 0, lastLr: [1] };
    expectError(
      () => new ReduceLROnPlateau(twoGroups()).loadStateDict(state),
      StateDictError,
      "ReduceLROnPlateau.loadStateDict: the state is of 1 parameter groups but the optimizer has 2; make it with the same groups",
    );
  });
});
