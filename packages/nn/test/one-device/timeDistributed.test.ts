// One device: the CPU.
import { Conv2d, Flatten, TimeDistributed } from "@squall/nn";
import { randn, ShapeError, stack, zeros } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { expectClose } from "./expectClose.ts";

describe("TimeDistributed", () => {
  it("does to every frame what the module does to it, with its gradients", () => {
    const conv = new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: 3, stride: 2, dtype: "float64" });
    const model = new TimeDistributed(conv);
    const x = randn([3, 2, 2, 5, 6], { dtype: "float64", requiresGrad: true });
    expectClose([model.forward(x)], [stack(x.unbind(0).map((frames) => conv.forward(frames)))]);
    expect(Object.keys(model.stateDict())).toEqual(["layer.weight", "layer.bias"]);
    gradcheck(() => [model.forward(x)], [x, ...model.parameters()], { mode: "projection" });
    expect(new TimeDistributed(new Flatten()).forward(x).shape).toEqual([3, 2, 60]);
  });

  it("refuses what is no sequence, and modules that change the batch", () => {
    const model = new TimeDistributed(new Flatten({ startDim: 0 }));
    expect(() => model.forward(zeros([2, 3]))).toThrow(ShapeError);
    expect(() => model.forward(zeros([2, 3]))).toThrow("TimeDistributed: needs at least three axes [T,N,…], got [2,3]");
    expect(() => model.forward(zeros([2, 3, 4]))).toThrow("must keep the batch of 6 frames, but made [24]");
  });
});
