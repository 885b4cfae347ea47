// Names, prefixes and other options for the files of other programs. One device: the CPU.
import {
  ConvLSTM,
  type ConvLSTMInterchangeOptions,
  convLSTMFormats,
  exportConvLSTM,
  importConvLSTM,
  type StateDict,
} from "@squall/nn";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";
import { exactLeaves, gateOrders, sizes } from "./interchangeArbitrary.ts";

const leaf = exactLeaves(1);

function valuesOf(stateDict: StateDict): Map<string, unknown> {
  return new Map(Object.entries(stateDict).map(([name, value]) => [name, value.toArray()]));
}

describe("names of a single layer", () => {
  const theirs = { "conv.weight": leaf(8, 3, 3, 3), "conv.bias": leaf(8) };
  const names = { weight: "conv.weight", bias: "conv.bias" };

  it("are enough, there and back: what the format calls other parts does not matter", () => {
    const ours = importConvLSTM(theirs, "fused", { names });
    expect(valuesOf(ours)).toEqual(
      valuesOf({
        "cells.0.inputWeight": theirs["conv.weight"].narrow(1, 0, 1),
        "cells.0.stateWeight": theirs["conv.weight"].narrow(1, 1, 2),
        "cells.0.bias": theirs["conv.bias"],
      }),
    );
    expect(valuesOf(exportConvLSTM(ours, "fused", { names }))).toEqual(valuesOf(theirs));
  });

  it("leave no tensor out, whatever the format would call it", () => {
    const { weight } = names;
    expect(() => importConvLSTM(theirs, "fused", { names: { weight } })).toThrow(
      "importConvLSTM: conv.bias belong to none of the 1 layers found",
    );
    const peephole = "cell_list.0.peephole_i";
    expect(() => importConvLSTM({ ...theirs, [peephole]: leaf(2, 1, 1) }, "fused", { names })).toThrow(
      `importConvLSTM: ${peephole} belong to none of the 1 layers found`,
    );
    const ours = importConvLSTM(theirs, "fused", { names });
    expect(() => exportConvLSTM(ours, "fused", { names: { weight } })).toThrow(
      refusal(
        "StateDictError",
        'exportConvLSTM: the format "fused" has no place for cells.0.bias; say with names what bias should be named, or leave them out',
      ),
    );
  });

  it("tell layers apart where a format has names of one", () => {
    const two = { x0: leaf(3, 1, 8), h0: leaf(3, 2, 8), x1: leaf(3, 2, 4), h1: leaf(3, 1, 4) };
    const options = { names: { inputWeight: "x{layer}", stateWeight: "h{layer}" } };
    const ours = importConvLSTM(two, "keras", options);
    expect(Object.keys(ours).length).toBe(4);
    expect(valuesOf(exportConvLSTM(ours, "keras", options))).toEqual(valuesOf(two));
  });

  it("stay the format's where those tell the layer as the given ones do", () => {
    const two = { "0.w": leaf(4, 2, 3), "cell_list.0.conv.bias": leaf(4), "1.w": leaf(4, 2, 3) };
    const ours = importConvLSTM(two, "fused", { names: { weight: "{layer}.w" } });
    expect(Object.keys(ours)).toContain("cells.0.bias");
  });
});

describe("a stack of Keras's layers", () => {
  it.each([
    ["a functional model", ""],
    ["a Sequential", "sequential/"],
  ])("is told by the paths of the variables of %s", (_, start) => {
    const cells = [`${start}conv_lstm2d/conv_lstm_cell/`, `${start}conv_lstm2d_1/conv_lstm_cell/`] as const;
    const theirs = {
      [`${cells[0]}kernel`]: leaf(3, 3, 1, 8),
      [`${cells[0]}recurrent_kernel`]: leaf(3, 3, 2, 8),
      [`${cells[0]}bias`]: leaf(8),
      [`${cells[1]}kernel`]: leaf(3, 3, 2, 12),
      [`${cells[1]}recurrent_kernel`]: leaf(3, 3, 3, 12),
      [`${cells[1]}bias`]: leaf(12),
    };
    const ours = importConvLSTM(theirs, "keras", { prefix: cells });
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, dtype: "float64" });
    expect(model.loadStateDict(ours)).toEqual({ missing: [], unexpected: [] });
    expect(valuesOf(exportConvLSTM(model.stateDict(), "keras", { prefix: cells }))).toEqual(valuesOf(theirs));
  });
});

describe("peepholes with an axis of 1 before them", () => {
  const hzzone = { weight: "_conv.weight", bias: "_conv.bias", peephole: "Wc{gate}" };

  it("are written as they were read, bit for bit", () => {
    const property = fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), sizes(2)), { minLength: 1, maxLength: 3 }),
      sizes(2),
      fc.constantFrom(...gateOrders),
      fc.boolean(),
      fc.integer(),
      (layers, kernel, gateOrder, batchedPeephole, seed) => {
        const draw = exactLeaves(seed);
        const prefix = layers.map((_, k) => `encoder.rnn${k + 1}.`);
        const theirs: StateDict = {};
        for (const [k, [hidden, image]] of layers.entries()) {
          const inputs = layers[k - 1]?.[0] ?? 1;
          theirs[`${prefix[k]}_conv.weight`] = draw(4 * hidden, inputs + hidden, ...kernel);
          theirs[`${prefix[k]}_conv.bias`] = draw(4 * hidden);
          const shape = batchedPeephole ? [1, hidden, ...image] : [hidden, ...image];
          for (const gate of "ifo") theirs[`${prefix[k]}Wc${gate}`] = draw(...shape);
        }
        const options = { names: hzzone, gateOrder, batchedPeephole, prefix };
        const back = exportConvLSTM(importConvLSTM(theirs, "fused", options), "fused", options);
        expect(valuesOf(back)).toEqual(valuesOf(theirs));
        const shapes = ({ shape }: { readonly shape: readonly number[] }): readonly number[] => shape;
        expect(Object.values(back).map(shapes)).toEqual(Object.values(theirs).map(shapes));
      },
    );
    fc.assert(property, { numRuns: 50 });
  });

  it("are those of the format unless told otherwise", () => {
    const ours = { "cells.0.stateWeight": leaf(8, 2, 3), "cells.0.peephole": leaf(3, 2, 5) };
    const shape = (options: ConvLSTMInterchangeOptions): readonly number[] | undefined =>
      exportConvLSTM(ours, "perGate", options)["cell0.Wci"]?.shape;
    expect([shape({}), shape({ batchedPeephole: true }), shape({ batchedPeephole: false })]).toEqual([
      [1, 2, 5],
      [1, 2, 5],
      [2, 5],
    ]);
  });
});

describe("tensors that belong to no layer", () => {
  it("are left out if asked for: OpenSTL's model makes convolutions that its cells do not use, and a last one", () => {
    const [hidden, channels, kernel] = [2, 3, [5, 5]];
    const cell = (layer: number, inputs: number): StateDict => ({
      [`cell_list.${layer}.conv_x.0.weight`]: leaf(4 * hidden, inputs, ...kernel),
      [`cell_list.${layer}.conv_h.0.weight`]: leaf(4 * hidden, hidden, ...kernel),
    });
    const cells = { ...cell(0, channels), ...cell(1, hidden) };
    const checkpoint = {
      ...cells,
      "cell_list.0.conv_o.0.weight": leaf(hidden, 2 * hidden, ...kernel),
      "cell_list.0.conv_last.weight": leaf(hidden, 2 * hidden, 1, 1),
      "conv_last.weight": leaf(channels, hidden, 1, 1),
    };
    expect(() => importConvLSTM(checkpoint, "separate")).toThrow(
      refusal(
        "StateDictError",
        'importConvLSTM: cell_list.0.conv_o.0.weight, cell_list.0.conv_last.weight, conv_last.weight belong to none of the 2 layers found; leave them out by others: "ignore", or say with prefix and names what tensors are named',
      ),
    );
    const ours = importConvLSTM(checkpoint, "separate", { others: "ignore" });
    expect(valuesOf(ours)).toEqual(valuesOf(importConvLSTM(cells, "separate")));
    const options = {
      inputChannels: channels,
      hiddenChannels: [hidden, hidden],
      kernelSize: 5,
      dtype: "float64",
    } as const;
    expect(() => new ConvLSTM(options).loadStateDict(ours)).toThrow(
      "missing: cells.0.bias, cells.1.bias; build the module with bias: false for weights without biases",
    );
    expect(new ConvLSTM({ ...options, bias: false }).loadStateDict(ours)).toEqual({ missing: [], unexpected: [] });
  });

  it("are not a layer beyond a gap, nor one that lacks something", () => {
    const gap = { "cell_list.0.conv.weight": leaf(4, 2, 3), "cell_list.2.conv.bias": leaf(4), "head.weight": leaf(1) };
    expect(() => importConvLSTM(gap, "fused", { others: "ignore" })).toThrow(
      "importConvLSTM: cell_list.2.conv.bias are of layers beyond the 1 found: there is no layer 1; names count",
    );
    const half = { "cell_list.0.conv.weight": leaf(4, 2, 3), "cell_list.1.conv.bias": leaf(4) };
    expect(() => importConvLSTM(half, "fused", { others: "ignore" })).toThrow("layer 1 lacks cell_list.1.conv.weight");
    expect(() => importConvLSTM({}, convLSTMFormats.fused, { others: "ignore" })).toThrow("layer 0 lacks");
  });

  it("are left out of what is written, too, but no parameter of a layer is", () => {
    const cell = { "cells.0.stateWeight": leaf(4, 1, 3) };
    const saved = { ...cell, "states.0.h": leaf(1, 1, 4), "head.weight": leaf(1) };
    const theirs = exportConvLSTM(saved, "fused", { others: "ignore" });
    expect(valuesOf(theirs)).toEqual(valuesOf(exportConvLSTM(cell, "fused")));
    expect(() => exportConvLSTM({ ...saved, "cells.0.norm": leaf(1) }, "fused", { others: "ignore" })).toThrow(
      refusal("StateDictError", 'exportConvLSTM: the format "fused" has no place for cells.0.norm'),
    );
    // @ts-expect-error there is no such choice
    expect(() => exportConvLSTM(saved, "fused", { others: "drop" })).toThrow(
      refusal("ArgumentError", 'exportConvLSTM: others must be one of "refuse", "ignore", got "drop"'),
    );
  });
});
