import { ArgumentError } from "@squall/device";
import fc from "fast-check";
import { describe, it } from "vitest";
import { RMSprop, type RMSpropHyperparameters, type RMSpropOptions } from "../src/index.ts";
import { expectError, expectTrajectory, fraction, parameter, resumeProperty } from "./samples.ts";

/*
import torch
grads = [[0.5, -1.0, 2.0], [1.0, 0.25, -0.5], [-0.75, 1.5, 0.1], [0.2, -0.3, 0.4]]
def run(**kw):
    p = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    o = torch.optim.RMSprop([p], **kw)
    for g in grads:
        p.grad = torch.tensor(g, dtype=torch.float64)
        o.step()
        print(p.tolist())
# once per row, with the row's options in snake_case
*/
const trajectories: { options: RMSpropOptions; want: number[][] }[] = [
  {
    options: {},
    want: [
      [0.900000019999996, -1.900000009999999, 2.900000005],
      [0.8104677318088583, -1.9243685165661313, 2.9243685127537806],
      [0.8664078991712124, -2.00704137827138, 2.9194761240089115],
      [0.8515810798193503, -1.9906483165187452, 2.900177705604497],
    ],
  },
  {
    options: { lr: 0.1, alpha: 0.9, eps: 0.001 },
    want: [
      [0.6857596643697368, -1.6847690816739789, 2.6842714446617735],
      [0.4008593794694519, -1.7650924723455108, 2.764724079902325],
      [0.5842136857695183, -2.0333165927491956, 2.747789029553185],
      [0.5333537941681294, -1.9776597410054755, 2.678147175487136],
    ],
  },
  {
    options: { lr: 0.1, momentum: 0.9, weightDecay: 0.1 },
    want: [
      [1.6666663936737437e-7, -1.0000000833333267, 2.000000043478259],
      [-1.7586297143150456, -0.22465005489358153, 1.2299798648390987],
      [-2.7171882284246576, -0.3037612684956555, 0.44031212551586296],
      [-3.531352404157076, -0.2029676634208121, -0.4602865250780553],
    ],
  },
  {
    options: { lr: 0.1, centered: true },
    want: [
      [-0.005037613239050165, -0.9949622857508791, 1.9949622352458363],
      [-0.9084902149686154, -1.2392837642657575, 2.239283725699312],
      [-0.3482573689819678, -2.0667528439977376, 2.190215763557059],
      [-0.49687369869325615, -1.9027704763364135, 1.9963722169432416],
    ],
  },
  {
    options: { lr: 0.1, alpha: 0.8, momentum: 0.5, centered: true, weightDecay: 0.2, maximize: true },
    want: [
      [1.2499999791666685, -2.249999989583334, 3.249999995535714],
      [1.6282627410491304, -2.19642856057279, 3.22374494709973],
      [1.630063963391554, -1.9374668887780206, 3.13425425711885],
      [1.6064641288693704, -1.7964593016877486, 3.0540444014118515],
    ],
  },
];

describe("RMSprop", () => {
  it.each(trajectories)("follows PyTorch with $options", ({ options, want }) => {
    expectTrajectory((params) => new RMSprop(params, options), want);
  });

  it("resumes exactly from a state dict", () => {
    const options = fc.record(
      {
        alpha: fraction(0, 1),
        eps: fraction(1 / 64, 1),
        weightDecay: fraction(0, 0.5),
        momentum: fraction(0, 0.95),
        centered: fc.boolean(),
        maximize: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    resumeProperty<RMSpropHyperparameters>((groups, chosen) => new RMSprop(groups, chosen), options);
  });

  it.each([
    [{ alpha: 1.5 }, "RMSprop: alpha must be a finite number >= 0 and <= 1, got 1.5"],
    [{ eps: -1 }, "RMSprop: eps must be a finite number >= 0, got -1"],
    [{ momentum: Number.NaN }, "RMSprop: momentum must be a finite number >= 0, got NaN"],
    [{ centered: "yes" as never }, 'RMSprop: centered must be true or false, got "yes"'],
  ])("refuses %j", (options, message) => {
    expectError(() => new RMSprop([parameter([1])], options), ArgumentError, message);
  });
});
