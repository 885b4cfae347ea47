import { detectAnomaly, enableGrad, isGradEnabled, noGrad, type Tensor, tensor } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const leaf = (values: number | number[]): Tensor => tensor(values, { dtype: "float64", requiresGrad: true });

describe("noGrad and enableGrad", () => {
  it("switch recording inside and back outside", () => {
    const x = leaf(2);
    expect(isGradEnabled()).toBe(true);
    const inside = noGrad(() => {
      const y = x.square();
      const z = enableGrad(() => x.square());
      return [isGradEnabled(), y.requiresGrad, z.requiresGrad, enableGrad(isGradEnabled)];
    });
    expect(inside).toEqual([false, false, true, true]);
    expect([isGradEnabled(), x.square().requiresGrad]).toEqual([true, true]);
  });

  it("switch back when the function throws", () => {
    expect(() =>
      noGrad(() => {
        throw new RangeError("inside");
      }),
    ).toThrow(RangeError);
    expect(isGradEnabled()).toBe(true);
  });

  it("leaves made inside may still require a gradient", () => {
    expect(noGrad(() => leaf(1)).requiresGrad).toBe(true);
  });

  it.each([
    ["noGrad", noGrad],
    ["enableGrad", enableGrad],
    ["detectAnomaly", detectAnomaly],
  ] as const)("%s refuses an asynchronous function", (name, mode) => {
    expect(() => mode(async () => 1)).toThrow(
      refusal(
        "AutogradError",
        `${name}: the function returned a promise, but it must be synchronous: what happens after its first await would be missed; read tensors outside`,
      ),
    );
    expect(isGradEnabled()).toBe(true);
  });
});

describe("detectAnomaly", () => {
  it("names the op that made a NaN or an infinity of finite values", () => {
    expect(() => detectAnomaly(() => leaf([1, -1]).exp().sub(2).sqrt().mul(2))).toThrow(
      refusal("AutogradError", "sqrt: produced NaN in its output Tensor([2], float64, cpu); from finite inputs"),
    );
    expect(() => detectAnomaly(() => leaf([0, 1]).log())).toThrow(
      refusal("AutogradError", "log: produced -Infinity in its output Tensor([2], float64, cpu); from finite inputs"),
    );
  });

  it("says when the input was not finite either", () => {
    expect(() => detectAnomaly(() => tensor([1]).add(tensor([Number.NaN])))).toThrow(
      refusal(
        "AutogradError",
        "add: produced NaN in its output Tensor([1], float32, cpu); input 1 was not finite either",
      ),
    );
  });

  it("names the op whose gradient is not finite", () => {
    const y = leaf([0, 4]).sqrt().sum();
    expect(() => detectAnomaly(() => y.backward())).toThrow(
      refusal(
        "AutogradError",
        "sqrt (gradient of input 0): produced Infinity in its output Tensor([2], float64, cpu); from finite inputs",
      ),
    );
  });

  it("gives back what the function returns, and is over after it", () => {
    expect(detectAnomaly(() => leaf(4).sqrt()).itemSync()).toBe(2);
    expect(() => detectAnomaly(() => leaf(-1).sqrt())).toThrow();
    expect(leaf(-1).sqrt().itemSync()).toBeNaN();
  });
});
