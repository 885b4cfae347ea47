import { ArgumentError } from "@squall/device";
import fc from "fast-check";
import { describe, it } from "vitest";
import { CosineAnnealingLR } from "../src/index.ts";
import { expectError, fraction } from "./samples.ts";
import { expectFormula, expectRates, scheduleResumeProperty, twoGroups } from "./schedules.ts";

/*
import torch
def run(n, **kw):
    p, q = (torch.zeros(1, requires_grad=True) for _ in range(2))
    o = torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.05}], lr=0.1)
    s = torch.optim.lr_scheduler.CosineAnnealingLR(o, **kw)
    rows = [s.get_last_lr()]
    for _ in range(n):
        o.step(); s.step(); rows.append(s.get_last_lr())
    print([r[0] for r in rows], [r[1] for r in rows])
# once per row, with the row's options in snake_case
*/
const rows = [
  {
    options: { tMax: 5, etaMin: 0.01 },
    first: [
      0.1, 0.09140576474687263, 0.06890576474687263, 0.04109423525312736, 0.018594235253127367, 0.01,
      0.018594235253127367, 0.04109423525312739, 0.06890576474687267, 0.09140576474687269, 0.10000000000000006,
      0.09140576474687272, 0.06890576474687268,
    ],
    second: [
      0.05, 0.04618033988749895, 0.03618033988749895, 0.02381966011250105, 0.013819660112501053, 0.01,
      0.013819660112501051, 0.023819660112501057, 0.03618033988749896, 0.04618033988749897, 0.050000000000000024,
      0.046180339887498985, 0.03618033988749897,
    ],
  },
  {
    options: { tMax: 3 },
    first: [0.1, 0.07500000000000001, 0.025000000000000015, 0.0, 0.024999999999999994],
    second: [0.05, 0.037500000000000006, 0.012500000000000008, 0.0, 0.012499999999999997],
  },
];

describe("CosineAnnealingLR", () => {
  it.each(rows)("follows PyTorch with $options", ({ options, first, second }) => {
    expectRates((optimizer) => new CosineAnnealingLR(optimizer, options), first, second);
  });

  const options = fc.record({ tMax: fc.integer({ min: 2, max: 20 }), etaMin: fraction(0, 0.03) });

  it("satisfies PyTorch's recursion", () => {
    expectFormula(
      (optimizer, chosen) => new CosineAnnealingLR(optimizer, chosen),
      options,
      (lr, epoch, { tMax, etaMin }, base) => {
        const cosine = (k: number): number => 1 + Math.cos((Math.PI * k) / tMax);
        // Where the recursion would divide by zero, PyTorch starts upwards again.
        if ((epoch - 1 - tMax) % (2 * tMax) === 0) return lr + ((base - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2;
        return (cosine(epoch) / cosine(epoch - 1)) * (lr - etaMin) + etaMin;
      },
    );
  });

  it("resumes exactly from its state", () => {
    scheduleResumeProperty((optimizer, options) => new CosineAnnealingLR(optimizer, options), options);
  });

  it.each([
    [{ tMax: 0 }, "CosineAnnealingLR: tMax must be a whole number >= 1, got 0"],
    [{ tMax: 5, etaMin: -1 }, "CosineAnnealingLR: etaMin must be a finite number >= 0, got -1"],
  ])("refuses %j", (options, message) => {
    expectError(() => new CosineAnnealingLR(twoGroups(), options as never), ArgumentError, message);
  });
});
