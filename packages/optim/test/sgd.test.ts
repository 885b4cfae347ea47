import { ArgumentError } from "@squall/device";
import fc from "fast-check";
import { describe, it } from "vitest";
import { SGD, type SGDHyperparameters, type SGDOptions } from "../src/index.ts";
import {
  expectClose,
  expectError,
  expectTrajectory,
  fraction,
  parameter,
  resumeProperty,
  withGrad,
} from "./samples.ts";

/*
import torch
grads = [[0.5, -1.0, 2.0], [1.0, 0.25, -0.5], [-0.75, 1.5, 0.1], [0.2, -0.3, 0.4]]
def run(**kw):
    p = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    o = torch.optim.SGD([p], **kw)
    for g in grads:
        p.grad = torch.tensor(g, dtype=torch.float64)
        o.step()
        print(p.tolist())
# once per row, with the row's options in snake_case
*/
const trajectories: { options: SGDOptions; want: number[][] }[] = [
  {
    options: {},
    want: [
      [0.9995, -1.999, 2.998],
      [0.9985, -1.9992500000000002, 2.9985000000000004],
      [0.9992500000000001, -2.00075, 2.9984],
      [0.9990500000000001, -2.00045, 2.998],
    ],
  },
  {
    options: { lr: 0.1 },
    want: [
      [0.95, -1.9, 2.8],
      [0.85, -1.9249999999999998, 2.8499999999999996],
      [0.9249999999999999, -2.0749999999999997, 2.84],
      [0.9049999999999999, -2.045, 2.8],
    ],
  },
  {
    options: { lr: 0.1, momentum: 0.9 },
    want: [
      [0.95, -1.9, 2.8],
      [0.8049999999999999, -1.835, 2.67],
      [0.7494999999999999, -1.9264999999999999, 2.5429999999999997],
      [0.67955, -1.9788499999999998, 2.3886999999999996],
    ],
  },
  {
    options: { lr: 0.1, momentum: 0.9, dampening: 0.5 },
    want: [
      [0.95, -1.9, 2.8],
      [0.855, -1.8225, 2.645],
      [0.8069999999999999, -1.82775, 2.5005],
      [0.7537999999999999, -1.817475, 2.3504500000000004],
    ],
  },
  {
    options: { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 },
    want: [
      [0.886, -1.772, 2.563],
      [0.630566, -1.688632, 2.423003],
      [0.629168646, -1.859964792, 2.210035643],
      [0.5161319171259999, -1.8020226617519999, 1.931181371483],
    ],
  },
  {
    options: { lr: 0.1, momentum: 0.8, dampening: 0.3, weightDecay: 0.2, maximize: true },
    want: [
      [1.03, -2.06, 3.14],
      [1.10958, -2.0616600000000003, 3.1730400000000003],
      [1.10520988, -1.9291247600000003, 3.16204944],
      [1.1002408456800001, -1.8170888213600003, 3.13698829984],
    ],
  },
];

describe("SGD", () => {
  it.each(trajectories)("follows PyTorch with $options", ({ options, want }) => {
    expectTrajectory((params) => new SGD(params, options), want);
  });

  it("resumes exactly from a state dict", () => {
    const options = fc
      .record(
        {
          momentum: fraction(0, 0.95),
          dampening: fraction(0, 0.5),
          weightDecay: fraction(0, 0.5),
          maximize: fc.boolean(),
        },
        { requiredKeys: [] },
      )
      .chain((others) =>
        (others.momentum ?? 0) > 0 && (others.dampening ?? 0) === 0
          ? fc.boolean().map((nesterov) => ({ ...others, nesterov }))
          : fc.constant(others),
      );
    resumeProperty<SGDHyperparameters>((groups, chosen) => new SGD(groups, chosen), options);
  });

  it("without extras is θ - lr·g, whatever the numbers", () => {
    const values = fc.array(fc.tuple(fraction(-9, 9), fraction(-9, 9)), { minLength: 1, maxLength: 700 });
    fc.assert(
      fc.property(values, fraction(0, 2), (pairs, lr) => {
        const param = withGrad(
          pairs.map(([value]) => value),
          pairs.map(([, gradient]) => gradient),
        );
        new SGD([param], { lr }).step();
        expectClose(
          param.dataSync(),
          pairs.map(([value, gradient]) => value - lr * gradient),
        );
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    [{ lr: Number.NaN }, "SGD: lr must be a finite number >= 0, got NaN"],
    [{ lr: "0.1" as never }, 'SGD: lr must be a finite number >= 0, got "0.1"'],
    [{ momentum: -0.5 }, "SGD: momentum must be a finite number >= 0, got -0.5"],
    [{ dampening: Number.POSITIVE_INFINITY }, "SGD: dampening must be a finite number >= 0, got Infinity"],
    [{ weightDecay: -1 }, "SGD: weightDecay must be a finite number >= 0, got -1"],
    [
      { nesterov: true },
      "SGD: nesterov needs momentum > 0 and dampening 0, got momentum 0 and dampening 0; set momentum: 0.9, dampening: 0 or nesterov: false",
    ],
    [
      { nesterov: true, momentum: 0.9, dampening: 0.1 },
      "SGD: nesterov needs momentum > 0 and dampening 0, got momentum 0.9 and dampening 0.1; set momentum: 0.9, dampening: 0 or nesterov: false",
    ],
  ])("refuses %j", (options, message) => {
    expectError(() => new SGD([parameter([1])], options), ArgumentError, message);
  });
});
