// Losses of functions unlike those of the library's own: what the gradient of a reduced loss may be made of.
import { type ElementwiseFunction, expressions as e, elementwise, functions } from "@squall/device";
import { type Tensor, tensor } from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { elementLoss } from "../../src/loss/elementLoss.ts";

const cases: readonly (readonly [string, ElementwiseFunction])[] = [
  ["that reads the losses themselves", functions.sigmoid],
  ["that is one number for all elements", elementwise({ name: "triple", arity: 1, value: e.mul(3, e.input(0)) })],
  ["of a scalar given with the call", functions.elu],
];

describe("the gradient of a reduced loss", () => {
  it.each(cases)("%s", (_, fn) => {
    const values = [0.5, -1.25, 2, -0.75, 1.5, 3];
    for (const reduction of ["mean", "sum", "none"] as const) {
      const x = tensor(values, { shape: [2, 3], dtype: "float64", requiresGrad: true });
      const loss = (): Tensor => elementLoss(fn, [x], reduction, [0.7]);
      gradcheck(loss, [x]);
      gradgradcheck(loss, [x]);
    }
  });

  it("is zero where the function's is zero everywhere", () => {
    const x = tensor([0.5, 1.5], { dtype: "float64", requiresGrad: true });
    elementLoss(functions.floor, [x], "mean").backward();
    expect(x.grad?.dataSync()).toEqual(Float64Array.of(0, 0));
  });
});
