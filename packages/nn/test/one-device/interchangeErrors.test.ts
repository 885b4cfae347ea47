// One device: the CPU.
import {
  type ConvLSTMFormat,
  type ConvLSTMInterchangeOptions,
  convLSTMFormats,
  exportConvLSTM,
  importConvLSTM,
  type StateDict,
} from "@squall/nn";
import { zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

type ErrorName = Parameters<typeof refusal>[0];
type Shapes = Readonly<Record<string, readonly number[]>>;

function stateDict(shapes: Shapes): StateDict {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, zeros(shape)]));
}

/** What messages say would help. */
const rename = "say with prefix and names what tensors are named";
const otherwise = "another layout or set of names may fit";

/** Bare names, for short. */
const names = { weight: "w", bias: "b", peephole: "p{gate}" };
const fused: ConvLSTMFormat = { names };
const flax = { "ih.kernel": [3, 2, 8], "hh.kernel": [3, 2, 8] } as const;

describe("importConvLSTM refuses", () => {
  it.each<
    [what: string, shapes: Shapes, format: Parameters<typeof importConvLSTM>[1], name: ErrorName, message: string]
  >([
    [
      "a fused weight that is missing",
      { a: [1] },
      "fused",
      "StateDictError",
      `layer 0 lacks cell_list.0.conv.weight among a; ${rename}`,
    ],
    ["nothing", {}, "keras", "StateDictError", `layer 0 lacks kernel, recurrent_kernel among no tensors; ${rename}`],
    [
      "one of two weights that is missing",
      { "hh.kernel": [3, 2, 8] },
      "flax",
      "StateDictError",
      `layer 0 lacks ih.kernel among hh.kernel; ${rename}`,
    ],
    [
      "a gate that is missing in a later layer",
      {
        ...Object.fromEntries(
          [..."ifoc"].flatMap((gate) => [
            [`cell0.Wx${gate}.weight`, [1, 1, 3]],
            [`cell0.Wh${gate}.weight`, [1, 1, 3]],
          ]),
        ),
        "cell1.Wxi.bias": [1],
      },
      "perGate",
      "StateDictError",
      `layer 1 lacks cell1.Wxi.weight, cell1.Wxf.weight, cell1.Wxo.weight, cell1.Wxc.weight, cell1.Whi.weight, cell1.Whf.weight, cell1.Who.weight, cell1.Whc.weight among cell0.Wxi.weight, cell0.Whi.weight, cell0.Wxf.weight, cell0.Whf.weight, cell0.Wxo.weight, cell0.Who.weight, cell0.Wxc.weight, cell0.Whc.weight, cell1.Wxi.bias; ${rename}`,
    ],
    [
      "names that belong to no layer",
      { w: [4, 2, 3], other: [1], "cells.0.w": [1] },
      fused,
      "StateDictError",
      `other, cells.0.w belong to none of the 1 layers found; leave them out by others: "ignore", or ${rename}`,
    ],
    [
      "a layer beyond a gap",
      { "0w": [4, 2, 3], "2w": [4, 2, 3], "3b": [4], other: [1] },
      { names: { weight: "{layer}w", bias: "{layer}b" } },
      "StateDictError",
      "2w, 3b are of layers beyond the 1 found: there is no layer 1; names count layers from 0 without a gap, or say with prefix how each layer's begin",
    ],
    [
      "peepholes of some gates only",
      { w: [4, 2, 3], pf: [1, 1] },
      fused,
      "StateDictError",
      "layer 0 has pf but lacks pi, po; all peepholes or none are needed",
    ],
    [
      "a fused weight of too few axes",
      { w: [4, 2] },
      fused,
      "ShapeError",
      `w should be [4H,C+H,…k], got [4,2]; ${otherwise}`,
    ],
    [
      "one of too many",
      { w: [4, 2, 1, 1, 1, 1] },
      fused,
      "ShapeError",
      `w should be [4H,C+H,…k], got [4,2,1,1,1,1]; ${otherwise}`,
    ],
    [
      "rows that are not four gates",
      { w: [6, 5, 3] },
      fused,
      "ShapeError",
      `w should be [4H,C+H,…k], got [6,5,3]; ${otherwise}`,
    ],
    ["no rows", { w: [0, 5, 3] }, fused, "ShapeError", `w should be [4H,C+H,…k], got [0,5,3]; ${otherwise}`],
    [
      "less input than states",
      { w: [8, 1, 3] },
      fused,
      "ShapeError",
      `w should be [4H,C+H,…k], got [8,1,3]; ${otherwise}`,
    ],
    [
      "a bias of another size",
      { w: [8, 3, 3], b: [4] },
      fused,
      "ShapeError",
      `b should be [8] with H = 2, got [4]; ${otherwise}`,
    ],
    [
      "peepholes of other channels",
      { w: [8, 3, 3], pi: [2, 1], pf: [3, 1], po: [2, 1] },
      fused,
      "ShapeError",
      `pf should be [H,…] with H = 2, got [3,1]; ${otherwise}`,
    ],
    [
      "peepholes of different sizes",
      { w: [8, 3, 3], pi: [2, 5], pf: [2, 5], po: [2, 6] },
      fused,
      "ShapeError",
      `po should be [2,5] as pi is with H = 2, got [2,6]; ${otherwise}`,
    ],
    [
      "a batch of peepholes",
      { w: [8, 3, 3], pi: [3, 2, 5], pf: [3, 2, 5], po: [3, 2, 5] },
      fused,
      "ShapeError",
      `pi should be [H,…] with H = 2, got [3,2,5]; ${otherwise}`,
    ],
    [
      "peepholes in one tensor that are not three",
      { w: [8, 3, 3], p: [4, 2, 5] },
      { names: { weight: "w", peephole: "p" } },
      "ShapeError",
      `p should be [3,H,…] with H = 2, got [4,2,5]; ${otherwise}`,
    ],
    [
      "a layout that is not the format's",
      { "ih.kernel": [8, 2, 3], "hh.kernel": [8, 2, 3] },
      "flax",
      "ShapeError",
      `hh.kernel should be […k,H,4H], got [8,2,3]; ${otherwise}`,
    ],
    [
      "two weights of different H",
      { "ih.kernel": [3, 2, 12], "hh.kernel": [3, 2, 8] },
      "flax",
      "ShapeError",
      `ih.kernel should be […k,C,4H] with H = 2, got [3,2,12]; ${otherwise}`,
    ],
    [
      "two weights of different axes",
      { "ih.kernel": [3, 3, 2, 8], "hh.kernel": [3, 2, 8] },
      "flax",
      "ShapeError",
      `ih.kernel should be […k,C,4H] with H = 2, got [3,3,2,8]; ${otherwise}`,
    ],
    [
      "a flat bias where it has axes",
      { "input_to_hidden.w": [3, 1, 8], "hidden_to_hidden.w": [3, 1, 8], "hidden_to_hidden.b": [8] },
      "brainpy",
      "ShapeError",
      `hidden_to_hidden.b should be [1,8] with H = 2, got [8]; ${otherwise}`,
    ],
    [
      "groups that do not divide",
      { "input_to_hidden.w": [3, 2, 12], "hidden_to_hidden.w": [3, 2, 12] },
      "brainpy",
      "ShapeError",
      `hidden_to_hidden.w should be […k,H/groups,4H], got [3,2,12]; ${otherwise}`,
    ],
    [
      "groups where there are none",
      { ...flax, "hh.kernel": [3, 1, 8] },
      "flax",
      "ShapeError",
      `hh.kernel should be […k,H,4H], got [3,1,8]; ${otherwise}`,
    ],
    [
      "gates of different shapes",
      { xi: [1, 1, 3], xf: [1, 2, 3], xo: [1, 1, 3], xg: [1, 1, 3] },
      { names: { weight: "x{gate}" } },
      "ShapeError",
      `xf should be [1,1,3] as xi is, got [1,2,3]; ${otherwise}`,
    ],
  ])("%s", (_, shapes, format, name, message) => {
    expect(() => importConvLSTM(stateDict(shapes), format)).toThrow(refusal(name, `importConvLSTM: ${message}`));
  });
});

describe("exportConvLSTM refuses", () => {
  const state = { "cells.0.stateWeight": [8, 2, 3] } as const;
  const fit = { ...state, "cells.0.inputWeight": [8, 1, 3] } as const;

  it.each<
    [what: string, shapes: Shapes, format: Parameters<typeof exportConvLSTM>[1], name: ErrorName, message: string]
  >([
    [
      "parameters that it does not know, all at once",
      { ...fit, "cells.0.peepholeWeight": [6, 2, 3], "cells.01.bias": [8], "head.weight": [1] },
      "fused",
      "StateDictError",
      'the format "fused" has no place for cells.0.peepholeWeight, cells.01.bias, head.weight',
    ],
    [
      "what is of no layer",
      { ...fit, "states.0.h": [1, 2, 3], "head.weight": [1] },
      "fused",
      "StateDictError",
      'the format "fused" has no place for states.0.h, head.weight; leave out what is of no layer by others: "ignore"',
    ],
    [
      "nothing",
      {},
      fused,
      "StateDictError",
      "this is not the state dict of a ConvLSTM: there is no cells.0.stateWeight among no tensors",
    ],
    [
      "a layer without states",
      { ...fit, "cells.2.bias": [8] },
      "fused",
      "StateDictError",
      "this is not the state dict of a ConvLSTM: there is no cells.1.stateWeight among cells.0.stateWeight, cells.0.inputWeight, cells.2.bias",
    ],
    [
      "peepholes for a format without",
      { ...fit, "cells.0.peephole": [3, 2, 1] },
      "keras",
      "StateDictError",
      'the format "keras" has no place for cells.0.peephole; say with names what peephole should be named, or leave them out',
    ],
    [
      "whatever a format of one's own has no name for",
      { ...fit, "cells.0.bias": [8], "cells.0.peephole": [3, 2, 1] },
      { names: { weight: "w" } },
      "StateDictError",
      "the format has no place for cells.0.bias, cells.0.peephole; say with names what bias and peephole should be named, or leave them out",
    ],
    [
      "layers that names do not tell apart",
      { ...fit, "cells.1.stateWeight": [8, 2, 3], "cells.1.inputWeight": [8, 2, 3] },
      "keras",
      "StateDictError",
      "names tell 1 layers apart but the model has 2; put {layer} into prefix, or list a prefix for each layer",
    ],
    [
      "two kernels for one convolution",
      { ...state, "cells.0.inputWeight": [8, 1, 5] },
      fused,
      "ShapeError",
      "the format has one kernel size for input and state, but cells.0.inputWeight is [8,1,5] and cells.0.stateWeight [8,2,3]; export to a format with two",
    ],
    [
      "two kernels for a layer that has one kernel size",
      { ...state, "cells.0.inputWeight": [8, 1, 5] },
      "haiku",
      "ShapeError",
      'the format "haiku" has one kernel size for input and state, but cells.0.inputWeight is [8,1,5] and cells.0.stateWeight [8,2,3]; export to a format with two',
    ],
    [
      "grouped state weights",
      { "cells.0.stateWeight": [8, 1, 3] },
      fused,
      "ShapeError",
      "cells.0.stateWeight should be [4H,H,…k], of a convolution without groups, got [8,1,3]",
    ],
    [
      "input weights of another shape",
      { ...state, "cells.0.inputWeight": [4, 3, 3] },
      fused,
      "ShapeError",
      "cells.0.inputWeight should be [4H,C,…k] with H = 2, got [4,3,3]",
    ],
    [
      "a bias of another shape",
      { ...fit, "cells.0.bias": [2] },
      fused,
      "ShapeError",
      "cells.0.bias should be [4H] with H = 2, got [2]",
    ],
    [
      "peepholes that are a convolution",
      { ...fit, "cells.0.peephole": [6, 2, 3] },
      "perGate",
      "StateDictError",
      'cells.0.peephole [6,2,3] is the convolution of the peephole "conv", for which no format has a place; train with the peephole "channel" or "full"',
    ],
    [
      "peepholes of another shape",
      { ...fit, "cells.0.peephole": [4, 2, 1] },
      fused,
      "ShapeError",
      "cells.0.peephole should be [3,H,…] with H = 2, got [4,2,1]",
    ],
  ])("%s", (_, shapes, format, name, message) => {
    expect(() => exportConvLSTM(stateDict(shapes), format)).toThrow(refusal(name, `exportConvLSTM: ${message}`));
  });
});

describe("a format that contradicts itself is refused both ways:", () => {
  it.each<[what: string, format: ConvLSTMFormat, options: ConvLSTMInterchangeOptions, message: string]>([
    [
      "one weight and two",
      fused,
      { names: { inputWeight: "x", stateWeight: "h" } },
      "names must hold either weight, or inputWeight and stateWeight",
    ],
    [
      "half of two weights",
      { names: { stateWeight: "h" } },
      {},
      "names must hold either weight, or inputWeight and stateWeight",
    ],
    [
      "groups over cat(x, h)",
      { ...fused, grouped: true },
      {},
      "a convolution over cat(x, h) cannot be grouped; leave out grouped",
    ],
    [
      "an addend without a bias",
      { names: { weight: "w" }, forgetOffset: 1 },
      {},
      "a forgetOffset needs names.bias to be made up for",
    ],
    ["a name for two tensors", fused, { names: { bias: "w" } }, "two tensors are named w"],
    ["a name for two layers", fused, { prefix: ["a", "a"] }, "two tensors are named aw"],
    ["a list for no layer", fused, { prefix: [] }, "prefix needs a text for each layer, got an empty list"],
    [
      "names of which some tell layers apart",
      fused,
      { names: { weight: "w{layer}", bias: "b" } },
      "all names or none must tell the {layer}, but b, p{gate} do not and w{layer} do; say with names what the others are named, or put {layer} into prefix",
    ],
    [
      "a name of a layer beside a format's of a single one",
      convLSTMFormats.keras,
      { names: { inputWeight: "x{layer}" } },
      "all names or none must tell the {layer}, but recurrent_kernel do not and x{layer} do; say with names what the others are named, or put {layer} into prefix",
    ],
  ])("%s", (_, format, options, message) => {
    expect(() => importConvLSTM({}, format, options)).toThrow(refusal("ArgumentError", `importConvLSTM: ${message}`));
    expect(() => exportConvLSTM({}, format, options)).toThrow(refusal("ArgumentError", `exportConvLSTM: ${message}`));
  });

  it("orders of other than the four gates", () => {
    const message = (order: string): string =>
      `gateOrder must hold i, f, o and g once each, got "${order}"; g is the candidate, which others call c or j`;
    // @ts-expect-error the candidate is called g
    expect(() => importConvLSTM({}, { ...fused, gateOrder: "ifco" })).toThrow(
      refusal("ArgumentError", `importConvLSTM: ${message("ifco")}`),
    );
    // @ts-expect-error one gate is missing
    expect(() => exportConvLSTM({}, fused, { gateOrder: "ifo" })).toThrow(
      refusal("ArgumentError", `exportConvLSTM: ${message("ifo")}`),
    );
    // @ts-expect-error one gate comes twice
    expect(() => exportConvLSTM({}, "keras", { gateOrder: "iifog" })).toThrow(
      refusal("ArgumentError", `exportConvLSTM: ${message("iifog")}`),
    );
  });

  it("names of no format", () => {
    const known = Object.keys(convLSTMFormats).join(", ");
    // @ts-expect-error there is no such format
    expect(() => importConvLSTM({}, "torch")).toThrow(
      refusal("ArgumentError", `importConvLSTM: there is no format "torch"; there are ${known}`),
    );
    // @ts-expect-error only every object has it
    expect(() => exportConvLSTM({}, "constructor")).toThrow(
      refusal("ArgumentError", `exportConvLSTM: there is no format "constructor"; there are ${known}`),
    );
  });

  it("options, roles and parts of formats that would be ignored", () => {
    const weights = stateDict({ "cell_list.0.conv.weight": [4, 2, 3] });
    const state = stateDict({ "cells.0.stateWeight": [4, 1, 3] });
    // @ts-expect-error the option is called gateOrder
    expect(() => importConvLSTM(weights, "fused", { gateorder: "ifgo" })).toThrow(
      refusal("ArgumentError", 'importConvLSTM: there is no option "gateorder"; did you mean gateOrder?'),
    );
    // @ts-expect-error the option is called gateOrder
    expect(() => exportConvLSTM(state, "fused", { gateorder: "ifgo" })).toThrow(
      refusal("ArgumentError", 'exportConvLSTM: there is no option "gateorder"; did you mean gateOrder?'),
    );
    // @ts-expect-error there is no such role
    expect(() => importConvLSTM(weights, "fused", { names: { wieght: "w" } })).toThrow(
      refusal("ArgumentError", 'importConvLSTM.names: there is no option "wieght"; did you mean weight?'),
    );
    // @ts-expect-error there is no such role
    expect(() => exportConvLSTM(state, { names: { weight: "w", peepholes: "p" } })).toThrow(
      refusal("ArgumentError", 'exportConvLSTM.format.names: there is no option "peepholes"; did you mean peephole?'),
    );
    // @ts-expect-error the part is called layout
    expect(() => importConvLSTM(weights, { ...fused, layuot: "channelsLast" })).toThrow(
      refusal("ArgumentError", 'importConvLSTM.format: there is no option "layuot"; did you mean layout?'),
    );
    // @ts-expect-error the candidate is called g
    expect(() => importConvLSTM(weights, { ...fused, gateNames: { c: "j" } })).toThrow(
      refusal(
        "ArgumentError",
        "importConvLSTM: gateNames must be those of i, f, o and g, got one of c; g is the candidate, which others call c or j",
      ),
    );
    // @ts-expect-error there is no such layout
    expect(() => importConvLSTM(weights, { ...fused, layout: "keras" })).toThrow(
      refusal("ArgumentError", 'importConvLSTM: layout must be one of "torch", "channelsLast", got "keras"'),
    );
    // @ts-expect-error a text is no flag
    expect(() => importConvLSTM(weights, { ...fused, oneKernel: "no" })).toThrow(
      refusal("ArgumentError", 'importConvLSTM: oneKernel must be true or false, got "no"'),
    );
    // @ts-expect-error a number is no flag
    expect(() => exportConvLSTM(state, "fused", { batchedPeephole: 1 })).toThrow(
      refusal("ArgumentError", "exportConvLSTM: batchedPeephole must be true or false, got 1"),
    );
    // @ts-expect-error there are no names
    expect(() => importConvLSTM(weights, {})).toThrow(
      refusal("ArgumentError", "importConvLSTM.format.names: options must be an object, got undefined"),
    );
    // @ts-expect-error there is no format
    expect(() => importConvLSTM(weights)).toThrow(
      refusal("ArgumentError", "importConvLSTM.format: options must be an object, got undefined"),
    );
  });
});
