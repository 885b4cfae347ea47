import { ArgumentError } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipGradValue } from "../src/index.ts";
import { expectError, fraction, parameter, withGrad } from "./samples.ts";

describe("clipGradValue", () => {
  it("clamps every gradient to [-value, value] in a new tensor", () => {
    const gradients = fc.array(fc.array(fraction(-8, 8), { maxLength: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(gradients, fraction(0, 8), (values, value) => {
        const params = values.map((grad) => withGrad(grad, grad));
        const before = params.map((param) => param.grad);
        clipGradValue(params, value);
        for (const [k, param] of params.entries()) {
          const want = values[k].map((g) => Math.min(Math.max(g, -value), value));
          expect([...(param.grad?.dataSync() ?? [])].map((g) => g + 0)).toEqual(want.map((g) => g + 0));
          expect([...(before[k]?.dataSync() ?? [])]).toEqual(values[k]);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("skips parameters without a gradient and keeps NaN", () => {
    const params = [parameter([1]), withGrad([1], [Number.NaN])];
    clipGradValue(params, 1);
    expect(params[0].grad).toBeUndefined();
    expect(params[1].grad?.itemSync()).toBeNaN();
  });

  it.each([-1, Number.NaN])("refuses %d", (value) => {
    expectError(
      () => clipGradValue([parameter([1])], value),
      ArgumentError,
      `clipGradValue: value must be a number >= 0, got ${value}`,
    );
  });
});
