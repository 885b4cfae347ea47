import { tensor } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Adam, type AdamHyperparameters, type AdamOptions, AdamW } from "../src/index.ts";
import { expectTrajectory, fraction, parameter, resumeProperty } from "./samples.ts";

/*
import torch
grads = [[0.5, -1.0, 2.0], [1.0, 0.25, -0.5], [-0.75, 1.5, 0.1], [0.2, -0.3, 0.4]]
def run(**kw):
    p = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    o = torch.optim.AdamW([p], **kw)
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
      [0.99899000002, -1.99898000001, 2.9989700000050004],
      [0.998014828106385, -1.9984905420452346, 2.998470542137014],
      [0.9977413920905164, -1.9987918140521228, 2.998047103575628],
      [0.9974324849504199, -1.998936882695577, 2.997590011154496],
    ],
  },
  {
    options: { lr: 0.1, weightDecay: 0.3 },
    want: [
      [0.8700000019999999, -1.840000001, 2.8100000005],
      [0.7473818005785093, -1.7378531844934582, 2.6787531836863345],
      [0.6986147598023958, -1.7178432801895127, 2.5590452025792607],
      [0.6477633443907653, -1.6828136379432692, 2.439562651492214],
    ],
  },
  {
    options: { lr: 0.1, betas: [0.5, 0.6], weightDecay: 0, amsgrad: true },
    want: [
      [0.900000002, -1.900000001, 2.9000000005],
      [0.8017053657228221, -1.8789181501988774, 2.878918149565544],
      [0.8106407066432211, -1.9465225088421267, 2.864918149663544],
      [0.8009748133011918, -1.9652587251637204, 2.8422995340951456],
    ],
  },
  {
    options: { lr: 0.1, betas: [0.8, 0.95], eps: 0.001, weightDecay: 0.1, amsgrad: true, maximize: true },
    want: [
      [1.0898003992015968, -2.0799000999001, 3.069950024987506],
      [1.1764137988574868, -2.1014466401153813, 3.081625428668582],
      [1.1840508440546849, -2.039530558076411, 3.0844880233685332],
      [1.196721866349614, -1.999205677995876, 3.0919937302071827],
    ],
  },
];

describe("AdamW", () => {
  it.each(trajectories)("follows PyTorch with $options", ({ options, want }) => {
    expectTrajectory((params) => new AdamW(params, options), want);
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
    resumeProperty<AdamHyperparameters>((groups, chosen) => new AdamW(groups, chosen), options);
  });

  it("is Adam where weight decay is 0", () => {
    fc.assert(
      fc.property(fc.array(fraction(-4, 4), { minLength: 1, maxLength: 6 }), fc.boolean(), (gradients, amsgrad) => {
        const a = parameter([1]);
        const b = parameter([1]);
        const optimizers = [new AdamW([a], { weightDecay: 0, amsgrad }), new Adam([b], { amsgrad })];
        for (const gradient of gradients) {
          for (const param of [a, b]) param.grad = tensor([gradient], { dtype: "float64" });
          for (const optimizer of optimizers) optimizer.step();
        }
        expect(a.dataSync()).toEqual(b.dataSync());
      }),
      { numRuns: 50 },
    );
  });
});
