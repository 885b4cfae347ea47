import { ArgumentError } from "@squall/device";
import fc from "fast-check";
import { describe, it } from "vitest";
import { ExponentialLR } from "../src/index.ts";
import { expectError, fraction } from "./samples.ts";
import { expectFormula, expectRates, scheduleResumeProperty, twoGroups } from "./schedules.ts";

/*
import torch
def run(n, **kw):
    p, q = (torch.zeros(1, requires_grad=True) for _ in range(2))
    o = torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.05}], lr=0.1)
    s = torch.optim.lr_scheduler.ExponentialLR(o, **kw)
    rows = [s.get_last_lr()]
    for _ in range(n):
        o.step(); s.step(); rows.append(s.get_last_lr())
    print([r[0] for r in rows], [r[1] for r in rows])
# once per row, with the row's options in snake_case
*/
const rows = [
  {
    options: { gamma: 0.9 },
    first: [
      0.1, 0.09000000000000001, 0.08100000000000002, 0.07290000000000002, 0.06561000000000002, 0.05904900000000002,
    ],
    second: [
      0.05, 0.045000000000000005, 0.04050000000000001, 0.03645000000000001, 0.03280500000000001, 0.02952450000000001,
    ],
  },
];

describe("ExponentialLR", () => {
  it.each(rows)("follows PyTorch with $options", ({ options, first, second }) => {
    expectRates((optimizer) => new ExponentialLR(optimizer, options), first, second);
  });

  const options = fc.record({ gamma: fraction(0.25, 1.5) });

  it("multiplies by gamma every step", () => {
    expectFormula(
      (optimizer, chosen) => new ExponentialLR(optimizer, chosen),
      options,
      (lr, _, { gamma }) => lr * gamma,
    );
  });

  it("resumes exactly from its state", () => {
    scheduleResumeProperty((optimizer, options) => new ExponentialLR(optimizer, options), options);
  });

  it.each([
    [{}, "ExponentialLR: gamma must be a finite number >= 0, got undefined"],
    [{ gamma: Number.NaN }, "ExponentialLR: gamma must be a finite number >= 0, got NaN"],
  ])("refuses %j", (options, message) => {
    expectError(() => new ExponentialLR(twoGroups(), options as never), ArgumentError, message);
  });
});
