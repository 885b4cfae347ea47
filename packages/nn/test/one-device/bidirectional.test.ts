// One device: the CPU, in float64. Sequences read in both directions.
import { Bidirectional, ConvLSTM, type ConvLSTMOptions, ConvRNN, fromConfig } from "@squall/nn";
import { ArgumentError, Generator, grad, ShapeError, type Tensor } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { randomise } from "./convlstmArbitrary.ts";
import { expectClose } from "./expectClose.ts";
import { common, frames, made } from "./sequenceModels.ts";

describe("Bidirectional", () => {
  const both = (mergeMode: "concat" | "sum" | "mul" | "average", options: Partial<ConvLSTMOptions> = {}) => {
    const generator = new Generator(3);
    const model = new Bidirectional((direction) => new ConvLSTM({ ...common, ...options, ...direction, generator }), {
      mergeMode,
    });
    randomise(model.forwardLayer, new Generator(4));
    randomise(model.backwardLayer, new Generator(5));
    return model;
  };

  it.each(["concat", "sum", "mul", "average"] as const)("merges both directions by %s", (mergeMode) => {
    for (const returnSequences of [true, false]) {
      const model = both(mergeMode, { returnSequences });
      const x = frames(3, 2);
      const [[merged], states] = model.forward(x);
      const [[a], ahead] = model.forwardLayer.forward(x);
      const [[b], back] = model.backwardLayer.forward(x);
      const channels = returnSequences ? 2 : 1;
      const [first, second] = [a?.toArray(), b?.toArray()];
      expect(first).not.toEqual(second);
      if (a === undefined || b === undefined) throw new Error("no outputs");
      if (mergeMode === "concat")
        expectClose([merged?.narrow(channels, 0, 3), merged?.narrow(channels, 3, 3)], [a, b], 1e-15);
      else expectClose([merged], [{ sum: a.add(b), mul: a.mul(b), average: a.add(b).div(2) }[mergeMode]], 1e-15);
      expectClose([states.forward[0]?.h, states.backward[0]?.h], [ahead[0]?.h, back[0]?.h], 1e-15);
    }
  });

  it("knows the frames before and after; gradients are those of finite differences, also with lengths", () => {
    const model = both("concat", { hiddenChannels: 2 });
    const x = frames(3, 2).requiresGrad_(true);
    const run = (): Tensor[] => model.forward(x, undefined, { lengths: [3, 2] })[0];
    gradcheck(run, [x, ...model.parameters()], { mode: "projection" });
    const [gradient] = grad(run()[0]?.select(0, 1).narrow(0, 0, 1).sum() ?? x, [x]);
    for (const t of [0, 1, 2]) expect(gradient?.select(0, t).narrow(0, 0, 1).abs().min().itemSync()).toBeGreaterThan(0);
  });

  it("goes through its config, and refuses layers of the wrong direction", () => {
    const model = both("average");
    const again = fromConfig(JSON.parse(JSON.stringify(model.config)));
    if (!(again instanceof Bidirectional)) throw new Error("another kind of model");
    again.loadStateDict(model.stateDict());
    const x = frames(3, 2);
    expectClose(again.forward(x)[0], model.forward(x)[0], 1e-15);
    expect(() => new Bidirectional(() => made())).toThrow(
      "the layers made for goBackwards: true have goBackwards: false, keepOrder: false; spread the direction into their options",
    );
  });

  it("keeps what tells its directions apart in its config", () => {
    const plain = { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, dtype: "float64" } as const;
    const model = new Bidirectional(({ goBackwards, keepOrder }) =>
      goBackwards
        ? new ConvRNN({ ...plain, hiddenChannels: 5, activation: "relu", goBackwards, keepOrder })
        : new ConvRNN({ ...plain, goBackwards, keepOrder }),
    );
    const again = fromConfig(JSON.parse(JSON.stringify(model.config)));
    again.loadStateDict(model.stateDict());
    const x = frames(3, 2);
    if (!(again instanceof Bidirectional)) throw new Error("another kind of model");
    expectClose(again.forward(x)[0], model.forward(x)[0], 1e-15);
    expect(again.config).toEqual(model.config);
    expect("backwardLayer" in model.config).toBe(true);
    expect("backwardLayer" in both("sum").config).toBe(false);
  });

  it.each<[string, (backwards: boolean) => Partial<ConvLSTMOptions>, "concat" | "sum", string]>([
    [
      "returnAllLayers",
      (back) => ({ returnAllLayers: back }),
      "concat",
      "returnAllLayers: false forward and true backward",
    ],
    ["batchFirst", (back) => ({ batchFirst: back }), "concat", "batchFirst: false forward and true backward"],
    ["inputChannels", (back) => ({ inputChannels: back ? 2 : 1 }), "concat", "inputChannels: 1 forward and 2 backward"],
    [
      "returnSequences",
      (back) => ({ returnSequences: back }),
      "sum",
      "returnSequences: false forward and true backward",
    ],
    [
      "the number of layers returned",
      (back) => ({ hiddenChannels: back ? [2] : [2, 3], returnAllLayers: true }),
      "concat",
      "layers: 2 forward and 1 backward; make them equal",
    ],
    [
      "channels to be summed",
      (back) => ({ hiddenChannels: back ? [2, 2] : [2, 3] }),
      "sum",
      'hiddenChannels of what is merged: [3] forward and [2] backward; make them equal, or use mergeMode "concat"',
    ],
  ])("refuses directions that differ in %s", (_, options, mergeMode, message) => {
    const make = (): unknown =>
      new Bidirectional((direction) => new ConvLSTM({ ...common, ...options(direction.goBackwards), ...direction }), {
        mergeMode,
      });
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(`Bidirectional: the two directions differ in ${message}`);
  });

  it("carries no states on when one direction refuses a call", () => {
    const model = both("concat", { stateful: true });
    const x = frames(3, 2);
    const { forward, backward } = model.forwardAll(x)[1];
    const carried = (): unknown =>
      [model.forwardLayer, model.backwardLayer].map(({ carriedStates }) => carriedStates?.map(({ h }) => h.toArray()));
    const before = carried();
    expect(() => model.forward(frames(3, 2, 5), { forward, backward: backward.slice(1) })).toThrow(ShapeError);
    expect(carried()).toEqual(before);
    const uneven = new Bidirectional(
      (direction) => new ConvLSTM({ ...common, stride: direction.goBackwards ? 2 : 1, stateful: true, ...direction }),
    );
    expect(() => uneven.forward(x)).toThrow(
      "Bidirectional: the two directions make images of [4,3] and [1,1]; give both the same strides, kernels, padding and dilation",
    );
    expect(uneven.forwardLayer.carriedStates).toBeUndefined();
  });

  it("hands on the states of all layers, forgets and detaches those it carries", () => {
    const model = both("concat");
    const x = frames(4, 2);
    const [, states] = model.forwardAll(x);
    expect([states.forward.length, states.backward.length]).toEqual([2, 2]);
    expect(model.forward(x)[1].forward.length).toBe(1);
    const again = both("concat", { stateful: true });
    again.forward(x);
    const [[carried]] = again.forward(x);
    expectClose([carried], [model.forward(x, states)[0][0]], 1e-12);
    again.detachState();
    again.resetState();
    expectClose([again.forward(x)[0][0]], [model.forward(x)[0][0]], 1e-12);
  });
});
