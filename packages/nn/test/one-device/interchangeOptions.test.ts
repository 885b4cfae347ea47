// Names, prefixes and other options for the files of other programs. One device: the CPU.
import { exportConvLSTM, importConvLSTM, type StateDict } from "@squall/nn";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";
import { exactLeaves } from "./interchangeArbitrary.ts";

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
