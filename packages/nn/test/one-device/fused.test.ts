// One device: the CPU.
import { ConvLSTM, convLSTMFromFused, convLSTMToFused, fuseWeights, splitFusedWeight } from "@squall/nn";
import { cat, conv2d, Generator, randn, ShapeError, StateDictError, zeros } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomise } from "./convlstmArbitrary.ts";

const names = { weight: "l{layer}.w", bias: "l{layer}.b", peephole: "l{layer}.p_{gate}" };

describe("fused ConvLSTM weights", () => {
  it("go there and back unchanged, whatever the options", () => {
    const options = fc.record({
      inputChannels: fc.integer({ min: 0, max: 3 }),
      hiddenChannels: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
      kernelSize: fc.integer({ min: 1, max: 4 }),
      bias: fc.boolean(),
      peephole: fc.constantFrom("none" as const, "channel" as const, "full" as const),
      named: fc.boolean(),
    });
    fc.assert(
      fc.property(options, ({ named, ...rest }) => {
        const model = new ConvLSTM({ ...rest, imageSize: [2, 3] });
        randomise(model, new Generator(1));
        const using = named ? names : {};
        const fused = convLSTMToFused(model.stateDict(), using);
        const back = convLSTMFromFused(fused, using);
        const copy = new ConvLSTM({ ...rest, imageSize: [2, 3] });
        copy.loadStateDict(back);
        for (const [name, value] of Object.entries(model.stateDict()))
          expect(copy.stateDict()[name]?.toArray()).toEqual(value.toArray());
      }),
      { numRuns: 30 },
    );
  });

  it("mean a convolution over cat(x, h) with gates i, f, o, g", () => {
    const model = new ConvLSTM({ inputChannels: 2, hiddenChannels: 3, kernelSize: 3 });
    const fused = convLSTMToFused(model.stateDict());
    expect(Object.keys(fused)).toEqual(["cell_list.0.conv.weight", "cell_list.0.conv.bias"]);
    const [weight, bias] = [fused["cell_list.0.conv.weight"], fused["cell_list.0.conv.bias"]];
    if (weight === undefined) throw new Error("no weight");
    expect(weight.shape).toEqual([12, 5, 3, 3]);
    const [x, h] = [randn([1, 2, 4, 4]), randn([1, 3, 4, 4])];
    const [i, f, o, g] = conv2d(cat([x, h], 1), weight, bias, { padding: 1 }).chunk(4, 1);
    if (i === undefined || f === undefined || o === undefined || g === undefined) throw new Error("four gates");
    const c = randn([1, 3, 4, 4]);
    const next = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    const ours = model.cells.at(0).forward(x, { h, c });
    expect(ours.c.sub(next).abs().max().itemSync()).toBeLessThan(5e-6);
    expect(ours.h.sub(o.sigmoid().mul(next.tanh())).abs().max().itemSync()).toBeLessThan(5e-6);
  });

  it("refuse what does not fit, by name", () => {
    const refuse = (fn: () => unknown, kind: new (...args: never[]) => Error, message: string): void => {
      expect(fn).toThrow(kind);
      expect(fn).toThrow(message);
    };
    refuse(
      () => splitFusedWeight(zeros([6, 5, 3, 3])),
      ShapeError,
      "splitFusedWeight: a fused weight has shape [4H, C+H, …k], got [6,5,3,3]",
    );
    refuse(
      () => splitFusedWeight(zeros([8, 1, 3, 3])),
      ShapeError,
      "splitFusedWeight: a fused weight has shape [4H, C+H, …k], got [8,1,3,3]",
    );
    refuse(
      () => fuseWeights(zeros([4, 1, 3, 3]), zeros([4, 1, 5, 5])),
      ShapeError,
      "fuseWeights: the fused form has one kernel for input and state, but inputWeight is [4,1,3,3] and stateWeight [4,1,5,5]",
    );
    refuse(
      () => convLSTMFromFused({ a: zeros([1]) }),
      StateDictError,
      "convLSTMFromFused: there is no cell_list.0.conv.weight among a; say how weights are named",
    );
    refuse(
      () => convLSTMFromFused({ "l0.w": zeros([4, 2, 1, 1]), other: zeros([1]) }, names),
      StateDictError,
      "convLSTMFromFused: these belong to none of the 1 layers found: other",
    );
    refuse(
      () => convLSTMFromFused({ "l0.w": zeros([4, 2, 1, 1]), "l0.p_i": zeros([1, 1, 1]) }, names),
      StateDictError,
      "convLSTMFromFused: layer 0 has 1 of the peepholes l0.p_i, l0.p_f, l0.p_o; all or none are needed",
    );
    refuse(
      () => convLSTMToFused({ a: zeros([1]) }),
      StateDictError,
      "convLSTMToFused: this is not the state dict of a ConvLSTM: there is no cells.0.stateWeight among a",
    );
  });
});
