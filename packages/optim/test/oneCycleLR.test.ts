import { ArgumentError, StateDictError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Adam,
  type Hyperparameters,
  OneCycleLR,
  type OneCycleLROptions,
  Optimizer,
  RMSprop,
  SGD,
} from "../src/index.ts";
import { expectClose, expectError, fraction, parameter } from "./samples.ts";
import { scheduleResumeProperty, twoGroups } from "./schedules.ts";

type Make = (groups: { params: Tensor[] }[]) => Optimizer;

/*
import torch
def run(name, momentum, n, own={}, **kw):
    p, q = (torch.zeros(1, requires_grad=True) for _ in range(2))
    o = getattr(torch.optim, name)([{"params": [p]}, {"params": [q]}], lr=0.1, **own)
    s = torch.optim.lr_scheduler.OneCycleLR(o, **kw)
    for k in range(n):
        g = o.param_groups
        print(g[0]["lr"], g[1]["lr"], g[0]["betas"][0] if momentum == "betas" else g[0]["momentum"])
        o.step()
        if k < n - 1: s.step()
# once per row, with n = total_steps and the row's options in snake_case
*/
const rows: { make: Make; options: OneCycleLROptions; first: number[]; second: number[]; momenta: number[] }[] = [
  {
    make: (groups) => new SGD(groups, { momentum: 0.9 }),
    options: { maxLr: 1.0, totalSteps: 10 },
    first: [
      0.040000000000000036, 0.52, 1.0, 0.9504846320134737, 0.8117456539497631, 0.6112620219362893, 0.38874197806371075,
      0.18825834605023697, 0.049519367986526286, 4e-6,
    ],
    second: [
      0.040000000000000036, 0.52, 1.0, 0.9504846320134737, 0.8117456539497631, 0.6112620219362893, 0.38874197806371075,
      0.18825834605023697, 0.049519367986526286, 4e-6,
    ],
    momenta: [
      0.95, 0.8999999999999999, 0.85, 0.854951556604879, 0.8688255099070633, 0.8888739533021842, 0.9111260466978157,
      0.9311744900929366, 0.945048443395121, 0.95,
    ],
  },
  {
    make: (groups) => new Adam(groups),
    options: {
      maxLr: [1.0, 2.0],
      totalSteps: 10,
      pctStart: 0.4,
      annealStrategy: "linear",
      threePhase: true,
      divFactor: 10.0,
      finalDivFactor: 100.0,
    },
    first: [0.1, 0.4, 0.7, 1.0, 0.7, 0.4, 0.09999999999999998, 0.067, 0.034, 0.0010000000000000009],
    second: [0.2, 0.8, 1.4, 2.0, 1.4, 0.8, 0.19999999999999996, 0.134, 0.068, 0.0020000000000000018],
    momenta: [
      0.95, 0.9166666666666666, 0.8833333333333333, 0.85, 0.8833333333333333, 0.9166666666666666, 0.95, 0.95, 0.95,
      0.95,
    ],
  },
  {
    make: (groups) => new RMSprop(groups),
    options: { maxLr: 0.5, totalSteps: 7, pctStart: 0.25, threePhase: true, baseMomentum: 0.8, maxMomentum: 0.9 },
    first: [
      0.020000000000000018, 0.38, 0.019396986515238298, 0.015000500000000002, 0.008264691871508365, 0.00234132161325334,
      2e-6,
    ],
    second: [
      0.020000000000000018, 0.38, 0.019396986515238298, 0.015000500000000002, 0.008264691871508365, 0.00234132161325334,
      2e-6,
    ],
    momenta: [0.9, 0.8250000000000001, 0.9, 0.9, 0.9, 0.9, 0.9],
  },
  {
    make: (groups) => new SGD(groups, { momentum: 0.9 }),
    options: { maxLr: 0.5, totalSteps: 5, cycleMomentum: false, pctStart: 0.0 },
    first: [0.4522544395767425, 0.3272549395767425, 0.17274706042325755, 0.04774756042325754, 2e-6],
    second: [0.4522544395767425, 0.3272549395767425, 0.17274706042325755, 0.04774756042325754, 2e-6],
    momenta: [0.9, 0.9, 0.9, 0.9, 0.9],
  },
  {
    make: (groups) => new SGD(groups, { momentum: 0.9 }),
    options: { maxLr: 0.5, totalSteps: 5, pctStart: 1.0 },
    first: [0.020000000000000018, 0.09029437251522865, 0.26, 0.42970562748477137, 0.5],
    second: [0.020000000000000018, 0.09029437251522865, 0.26, 0.42970562748477137, 0.5],
    momenta: [0.95, 0.9353553390593273, 0.8999999999999999, 0.8646446609406726, 0.85],
  },
];

function momentumOf(optimizer: Optimizer): unknown {
  const [group] = optimizer.paramGroups;
  if ("betas" in group && Array.isArray(group.betas)) return group.betas[0];
  return "momentum" in group ? group.momentum : undefined;
}

class Plain extends Optimizer {
  protected override readonly buffers = {};
  protected override check(): Hyperparameters {
    return { lr: 1 };
  }
  protected override update(): void {}
}

describe("OneCycleLR", () => {
  it.each(rows)("follows PyTorch with $options", ({ make, options, first, second, momenta }) => {
    const optimizer = make([{ params: [parameter([0])] }, { params: [parameter([0])] }]);
    const scheduler = new OneCycleLR(optimizer, options);
    for (let epoch = 0; epoch < first.length; epoch++) {
      expectClose(
        optimizer.paramGroups.map((group) => group.lr),
        [first[epoch], second[epoch]],
      );
      expectClose([Number(momentumOf(optimizer))], [momenta[epoch]]);
      if (epoch < first.length - 1) scheduler.step();
    }
  });

  it("leaves the second of Adam's betas alone", () => {
    const optimizer = new Adam([parameter([0])], { betas: [0.9, 0.75] });
    new OneCycleLR(optimizer, { maxLr: 1, totalSteps: 10 });
    expect(optimizer.paramGroups[0].betas).toEqual([0.95, 0.75]);
  });

  const options = fc.record({
    maxLr: fraction(0.25, 4),
    totalSteps: fc.integer({ min: 1, max: 30 }),
    pctStart: fraction(0, 0.5),
    annealStrategy: fc.constantFrom("cos" as const, "linear" as const),
    threePhase: fc.boolean(),
  });

  it("stays between its last and its peak rate, ends on the last one, and keeps it for one more step", () => {
    fc.assert(
      fc.property(options, (chosen) => {
        const optimizer = new SGD([parameter([0])], { momentum: 0.9 });
        const scheduler = new OneCycleLR(optimizer, chosen);
        const last = chosen.maxLr / 25 / 1e4;
        const rates = [...scheduler.lastLr];
        for (let step = 0; step < chosen.totalSteps; step++) {
          scheduler.step();
          rates.push(...scheduler.lastLr);
        }
        for (const rate of rates) {
          expect(rate).toBeGreaterThanOrEqual(last * (1 - 1e-9));
          expect(rate).toBeLessThanOrEqual(chosen.maxLr * (1 + 1e-9));
        }
        expectClose(rates.slice(-2), [last, last]);
        expect(optimizer.paramGroups[0].lr).toBe(rates.at(-1));
        expectError(
          () => scheduler.step(),
          ArgumentError,
          `OneCycleLR: step ${chosen.totalSteps + 1} is beyond the cycle of ${chosen.totalSteps} steps; set totalSteps to how often the optimizer steps in all`,
        );
      }),
      { numRuns: 60 },
    );
  });

  it("resumes exactly from its state", () => {
    scheduleResumeProperty(
      (optimizer, chosen) => new OneCycleLR(optimizer, { ...chosen, totalSteps: chosen.totalSteps + 10 }),
      options,
    );
  });

  it("refuses a state beyond its cycle", () => {
    const scheduler = new OneCycleLR(twoGroups(), { maxLr: 1, totalSteps: 3 });
    expectError(
      () => scheduler.loadStateDict({ lastEpoch: 7, baseLrs: [0.04, 0.04] }),
      StateDictError,
      "OneCycleLR.loadStateDict: state: step 7 is beyond the cycle of 3 steps; set totalSteps to how often the optimizer steps in all",
    );
    expect(scheduler.lastEpoch).toBe(0);
  });

  it.each([
    [{ maxLr: 1 }, "OneCycleLR: totalSteps must be a whole number >= 1, got undefined"],
    [{ maxLr: 0, totalSteps: 5 }, "OneCycleLR: maxLr must be a finite number > 0, got 0"],
    [{ maxLr: [1], totalSteps: 5 }, "OneCycleLR: maxLr must be one number or 2 (one per parameter group), got [1]"],
    [{ maxLr: 1, totalSteps: 5, pctStart: 30 }, "OneCycleLR: pctStart must be a finite number >= 0 and <= 1, got 30"],
    [
      { maxLr: 1, totalSteps: 5, annealStrategy: "cosine" },
      'OneCycleLR: annealStrategy must be "cos" or "linear", got "cosine"',
    ],
  ])("refuses %j", (options, message) => {
    expectError(() => new OneCycleLR(twoGroups(), options as never), ArgumentError, message);
  });

  it("refuses an optimizer without momentum unless told not to cycle it", () => {
    const optimizer = new Plain("Plain", [parameter([0])], { lr: 1 });
    expectError(
      () => new OneCycleLR(optimizer, { maxLr: 1, totalSteps: 3 }),
      ArgumentError,
      "OneCycleLR: Plain has neither momentum nor betas to cycle; set cycleMomentum: false",
    );
    const { lastLr } = new OneCycleLR(optimizer, { maxLr: 1, totalSteps: 3, cycleMomentum: false });
    expectClose(lastLr, [optimizer.paramGroups[0].lr]);
  });
});
