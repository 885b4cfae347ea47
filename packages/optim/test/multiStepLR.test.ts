import { ArgumentError } from "@squall/device";
import fc from "fast-check";
import { describe, it } from "vitest";
import { MultiStepLR } from "../src/index.ts";
import { expectError, fraction } from "./samples.ts";
import { expectFormula, expectRates, scheduleResumeProperty, twoGroups } from "./schedules.ts";

/*
import torch
def run(n, **kw):
    p, q = (torch.zeros(1, requires_grad=True) for _ in range(2))
    o = torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.05}], lr=0.1)
    s = torch.optim.lr_scheduler.MultiStepLR(o, **kw)
    rows = [s.get_last_lr()]
    for _ in range(n):
        o.step(); s.step(); rows.append(s.get_last_lr())
    print([r[0] for r in rows], [r[1] for r in rows])
# once per row, with the row's options in snake_case
*/
const rows = [
  {
    options: { milestones: [2, 3, 6] },
    first: [
      0.1, 0.1, 0.010000000000000002, 0.0010000000000000002, 0.0010000000000000002, 0.0010000000000000002,
      0.00010000000000000003, 0.00010000000000000003,
    ],
    second: [
      0.05, 0.05, 0.005000000000000001, 0.0005000000000000001, 0.0005000000000000001, 0.0005000000000000001,
      5.0000000000000016e-5, 5.0000000000000016e-5,
    ],
  },
  {
    options: { milestones: [2, 2, 4], gamma: 0.5 },
    first: [0.1, 0.1, 0.025, 0.025, 0.0125, 0.0125],
    second: [0.05, 0.05, 0.0125, 0.0125, 0.00625, 0.00625],
  },
];

describe("MultiStepLR", () => {
  it.each(rows)("follows PyTorch with $options", ({ options, first, second }) => {
    expectRates((optimizer) => new MultiStepLR(optimizer, options), first, second);
  });

  const options = fc.record({
    milestones: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 6 }).map((steps) => steps.sort((a, b) => a - b)),
    gamma: fraction(0.25, 1),
  });

  it("decays by gamma at each milestone", () => {
    expectFormula(
      (optimizer, chosen) => new MultiStepLR(optimizer, chosen),
      options,
      (lr, epoch, { milestones, gamma }) =>
        milestones.reduce((rate, step) => (step === epoch ? rate * gamma : rate), lr),
    );
  });

  it("resumes exactly from its state", () => {
    scheduleResumeProperty((optimizer, options) => new MultiStepLR(optimizer, options), options);
  });

  it.each([
    [{ milestones: 3 }, "MultiStepLR: milestones must be an array, got 3"],
    [{ milestones: [1, 0] }, "MultiStepLR: milestones must be an array, each entry a whole number >= 1, got [1,0]"],
    [{ milestones: [3, 2] }, "MultiStepLR: milestones must ascend, got [3,2]; sort them"],
  ])("refuses %j", (options, message) => {
    expectError(() => new MultiStepLR(twoGroups(), options as never), ArgumentError, message);
  });
});
