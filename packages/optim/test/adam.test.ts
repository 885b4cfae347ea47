import { ArgumentError } from "@squall/device";
import fc from "fast-check";
import { describe, it } from "vitest";
import { Adam, type AdamHyperparameters, type AdamOptions } from "../src/index.ts";
import { expectError, expectTrajectory, fraction, parameter, resumeProperty } from "./samples.ts";

/*
import torch
grads = [[0.5, -1.0, 2.0], [1.0, 0.25, -0.5], [-0.75, 1.5, 0.1], [0.2, -0.3, 0.4]]
def run(**kw):
    p = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    o = torch.optim.Adam([p], **kw)
    for g in grads:
        p.grad = torch.tensor(g, dtype=torch.float64)
        o.step()
        print(p.tolist())
# once per row, with the row's options in snake_case
*/
const trajectories: { options: AdamOptions; want: number[][] }[] = [
  {
    options: {},
    want: [
      [0.99900000002, -1.9990000000099999, 2.999000000005],
      [0.998034818006385, -1.9985305318452344, 2.9985305318370137],
      [0.9977713621387975, -1.998851788757543, 2.998137077981049],
      [0.9974724324126218, -1.9990168453191375, 2.9977099660309525],
    ],
  },
  {
    options: { lr: 0.1, betas: [0.8, 0.95], eps: 0.001 },
    want: [
      [0.9001996007984032, -1.9000999000999002, 2.900049975012494],
      [0.8026881971504972, -1.8577543588856176, 2.857675071081543],
      [0.7832870139647241, -1.8986559745234342, 2.8231668311520868],
      [0.7584383914561996, -1.9188080009108874, 2.783703563904547],
    ],
  },
  {
    options: { lr: 0.1, weightDecay: 0.1 },
    want: [
      [0.9000000016666666, -1.9000000008333333, 2.900000000434783],
      [0.8025029703202309, -1.8367957569894449, 2.8400415197053546],
      [0.7664431260512168, -1.8510795363203896, 2.783834649170396],
      [0.7262805638358243, -1.8470922467941138, 2.723422468297069],
    ],
  },
  {
    options: { lr: 0.1, betas: [0.5, 0.6], amsgrad: true },
    want: [
      [0.900000002, -1.900000001, 2.9000000005],
      [0.8017053657228221, -1.8789181501988774, 2.878918149565544],
      [0.8106407066432211, -1.9465225088421267, 2.864918149663544],
      [0.8009748133011918, -1.9652587251637204, 2.8422995340951456],
    ],
  },
  {
    options: { lr: 0.1, weightDecay: 0.1, amsgrad: true, maximize: true },
    want: [
      [1.0999999975, -2.09999999875, 3.099999999411765],
      [1.1953362364379798, -2.1209735303415647, 3.1284634037888175],
      [1.2078267808408505, -2.0724165512037365, 3.143145024664454],
      [1.2215582270313456, -2.035457122465834, 3.1577875139238087],
    ],
  },
];

describe("Adam", () => {
  it.each(trajectories)("follows PyTorch with $options", ({ options, want }) => {
    expectTrajectory((params) => new Adam(params, options), want);
  });

  it("resumes exactly from a state dict", () => {
    const options = fc.record(
      {
        betas: fc.tuple(fraction(0, 0.95), fraction(0, 0.95)),
        eps: fraction(1 / 64, 1),
        weightDecay: fraction(0, 0.5),
        amsgrad: fc.boolean(),
        maximize: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    resumeProperty<AdamHyperparameters>((groups, chosen) => new Adam(groups, chosen), options);
  });

  it.each([
    [{ lr: -1 }, "Adam: lr must be a finite number >= 0, got -1"],
    [{ eps: Number.NaN }, "Adam: eps must be a finite number >= 0, got NaN"],
    [{ betas: [0.9, 1] as const }, "Adam: betas must be two numbers, each a finite number >= 0 and < 1, got [0.9,1]"],
    [{ betas: [0.9] as never }, "Adam: betas must be two numbers, each a finite number >= 0 and < 1, got [0.9]"],
    [{ weightDecay: -0.1 }, "Adam: weightDecay must be a finite number >= 0, got -0.1"],
    [{ amsgrad: 1 as never }, "Adam: amsgrad must be true or false, got 1"],
    [
      { beta1: 0.9 } as never,
      'Adam: there is no option "beta1"; the options are lr, betas, eps, weightDecay, amsgrad, maximize',
    ],
  ])("refuses %j", (options, message) => {
    expectError(() => new Adam([parameter([1])], options), ArgumentError, message);
  });
});
