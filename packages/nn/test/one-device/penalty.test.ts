import { Linear, l1Penalty, l2Penalty } from "@squall/nn";
import { SGD } from "@squall/optim";
import { type Tensor, tensor, zeros } from "@squall/tensor";
import { awayFrom, gradcheck, gradgradcheck, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { expectClose } from "../pytorch.ts";
import { refusal } from "../refusal.ts";

const parameters = fc.array(tensors(shapes(), { keep: awayFrom([0]) }), { minLength: 1, maxLength: 3 });

describe.each([
  ["l1Penalty", l1Penalty, Math.abs],
  ["l2Penalty", l2Penalty, (w: number) => w * w],
] as const)("%s", (name, penalty, of) => {
  it("is the sum over all parameters, with gradients of first and second order", () => {
    fc.assert(
      fc.property(parameters, (list) => {
        const want = list.flatMap((w) => [...w.dataSync()]).reduce((sum, w) => sum + of(w), 0);
        const fn = (...inputs: readonly Tensor[]): Tensor => penalty(inputs);
        expectClose(fn(...list), [want]);
        gradcheck(fn, list);
        gradgradcheck(fn, list);
      }),
      { numRuns: 15 },
    );
  });

  it("counts a parameter that comes twice once, and takes what modules give", () => {
    const w = tensor([1, -2], { requiresGrad: true });
    expect(penalty([w, w]).itemSync()).toBe(of(1) + of(-2));
    const layer = new Linear({ inFeatures: 2, outFeatures: 3 });
    penalty(layer.parameters()).backward();
    expect(layer.weight.grad?.shape).toEqual([3, 2]);
    expect(penalty([zeros([0])]).itemSync()).toBe(0);
  });

  it("has gradient 0 at 0", () => {
    const w = zeros([2], { requiresGrad: true });
    penalty([w]).backward();
    expect([...(w.grad?.dataSync() ?? [])]).toEqual([0, 0]);
  });

  it("refuses what are no parameters that have a sum", () => {
    expect(() => penalty([])).toThrow(
      refusal(
        "ArgumentError",
        `${name}: parameters is empty; an iterator can be walked only once, so pass a fresh one`,
      ),
    );
    // @ts-expect-error a module is not iterable
    expect(() => penalty(new Linear({ inFeatures: 1, outFeatures: 1 }))).toThrow(
      refusal(
        "ArgumentError",
        `${name}: parameters must be an array or another iterable; for a module pass module.parameters()`,
      ),
    );
    // @ts-expect-error a number is not a tensor
    expect(() => penalty([zeros([1]), 3])).toThrow(
      refusal("ArgumentError", `${name}: the parameter 1 must be a tensor, got number`),
    );
    expect(() => penalty([zeros([1]), zeros([1], { dtype: "float64" })])).toThrow(
      refusal(
        "DTypeError",
        `${name}: parameter 0 is float32 but parameter 1 is float64; convert one with to("float32")`,
      ),
    );
    expect(() => penalty([zeros([1]), zeros([1], { device: proxyDevice() })])).toThrow(
      refusal("DeviceError", `${name}: parameter 0 is on cpu but parameter 1 is on proxy; move one with to()`),
    );
  });
});

describe("l2Penalty", () => {
  it("is SGD's weight decay of twice the factor", () => {
    const start = [1, -2, 0.5];
    const [penalized, decayed] = [1, 2].map(() => tensor(start, { dtype: "float64", requiresGrad: true }));
    const loss = (w: Tensor): Tensor => w.sin().sum();
    const [plain, decaying] = [new SGD([penalized], { lr: 0.1 }), new SGD([decayed], { lr: 0.1, weightDecay: 0.02 })];
    for (let step = 0; step < 3; step++) {
      plain.zeroGrad();
      decaying.zeroGrad();
      loss(penalized)
        .add(l2Penalty([penalized]).mul(0.01))
        .backward();
      loss(decayed).backward();
      plain.step();
      decaying.step();
    }
    expectClose(penalized, [...decayed.dataSync()]);
  });
});
