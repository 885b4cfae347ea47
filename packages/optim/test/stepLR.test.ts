import { ArgumentError } from "@squall/device";
import fc from "fast-check";
import { describe, it } from "vitest";
import { StepLR } from "../src/index.ts";
import { expectError, fraction } from "./samples.ts";
import { expectFormula, expectRates, scheduleResumeProperty, twoGroups } from "./schedules.ts";

/*
import torch
def run(n, **kw):
    p, q = (torch.zeros(1, requires_grad=True) for _ in range(2))
    o = torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.05}], lr=0.1)
    s = torch.optim.lr_scheduler.StepLR(o, **kw)
    rows = [s.get_last_lr()]
    for _ in range(n):
        o.step(); s.step(); rows.append(s.get_last_lr())
    print([r[0] for r in rows], [r[1] for r in rows])
# once per row, with the row's options in snake_case
*/
const rows = [
  {
    options: { stepSize: 3 },
    first: [
      0.1, 0.1, 0.1, 0.010000000000000002, 0.010000000000000002, 0.010000000000000002, 0.0010000000000000002,
      0.0010000000000000002,
    ],
    second: [
      0.05, 0.05, 0.05, 0.005000000000000001, 0.005000000000000001, 0.005000000000000001, 0.0005000000000000001,
      0.0005000000000000001,
    ],
  },
  {
    options: { stepSize: 2, gamma: 0.5 },
    first: [0.1, 0.1, 0.05, 0.05, 0.025, 0.025],
    second: [0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125],
  },
];

describe("StepLR", () => {
  it.each(rows)("follows PyTorch with $options", ({ options, first, second }) => {
    expectRates((optimizer) => new StepLR(optimizer, options), first, second);
  });

  const options = fc.record({ stepSize: fc.integer({ min: 1, max: 5 }), gamma: fraction(0.25, 1) });

  it("decays by gamma every stepSize steps", () => {
    expectFormula(
      (optimizer, chosen) => new StepLR(optimizer, chosen),
      options,
      (lr, epoch, { stepSize, gamma }) => (epoch % stepSize === 0 ? lr * gamma : lr),
    );
  });

  it("resumes exactly from its state", () => {
    scheduleResumeProperty((optimizer, options) => new StepLR(optimizer, options), options);
  });

  it.each([
    [{}, "StepLR: stepSize must be a whole number >= 1, got undefined"],
    [{ stepSize: 1.5 }, "StepLR: stepSize must be a whole number >= 1, got 1.5"],
    [{ stepSize: 2, gamma: -1 }, "StepLR: gamma must be a finite number >= 0, got -1"],
    [{ stepSize: 2, step_size: 3 }, 'StepLR: there is no option "step_size"; the options are stepSize, gamma'],
  ])("refuses %j", (options, message) => {
    expectError(() => new StepLR(twoGroups(), options as never), ArgumentError, message);
  });
});
