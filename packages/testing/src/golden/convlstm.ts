import { ConvLSTM, ConvLSTMCell, type ConvLSTMFormat, type LSTMState, type SpatialDims } from "@squall/nn";
import type { FixtureArguments } from "./arguments.ts";
import { type GoldenCase, type NamedTensors, need } from "./case.ts";
import { loadParameters } from "./load.ts";

const peepholes = ["none", "channel", "full"] as const;

/** How the fixtures of a cell name fused weights. */
const fusedCell: ConvLSTMFormat = { names: { weight: "weight", bias: "bias", peephole: "peephole_{gate}" } };

/** How those of layers do. */
const fusedLayers: ConvLSTMFormat = {
  names: { weight: "cells.{layer}.weight", bias: "cells.{layer}.bias", peephole: "cells.{layer}.peephole_{gate}" },
};

function readGateOrder(args: FixtureArguments): void {
  args.oneOf("gate_order", ["ifog"]);
}

function cell(spatialDims: SpatialDims): GoldenCase {
  return (inputs) => {
    const { tensors, args } = inputs;
    readGateOrder(args);
    const x = need(tensors, "x");
    const module = new ConvLSTMCell({
      inputChannels: args.number("input_dim"),
      hiddenChannels: args.number("hidden_dim"),
      kernelSize: args.numbers("kernel_size") ?? [],
      bias: args.boolean("bias"),
      peephole: args.oneOf("peephole", peepholes),
      imageSize: x.shape.slice(2),
      spatialDims,
      dtype: x.dtype,
      device: x.device,
    });
    const loaded = loadParameters(module, inputs, fusedCell, "cells.0.");
    const { h, c } = module.forward(x, { h: need(tensors, "h"), c: need(tensors, "c") });
    return { outputs: { h, c }, loaded };
  };
}

function layers(spatialDims: SpatialDims): GoldenCase {
  return (inputs) => {
    const { tensors, args } = inputs;
    readGateOrder(args);
    args.ignore("output_layout");
    const x = need(tensors, "x");
    const hiddenChannels = args.numbers("hidden_dim") ?? [];
    const module = new ConvLSTM({
      inputChannels: args.number("input_dim"),
      hiddenChannels,
      kernelSize: args.lists("kernel_size"),
      bias: args.boolean("bias"),
      peephole: args.oneOf("peephole", peepholes),
      batchFirst: args.boolean("batch_first"),
      returnAllLayers: args.boolean("return_all_layers"),
      imageSize: x.shape.slice(3),
      spatialDims,
      dtype: x.dtype,
      device: x.device,
    });
    const loaded = loadParameters(module, inputs, fusedLayers);
    const states = args.boolean("given_state")
      ? hiddenChannels.map((_, layer): LSTMState => ({ h: need(tensors, `h${layer}`), c: need(tensors, `c${layer}`) }))
      : undefined;
    const [outputs, lastStates] = module.forward(x, states);
    // Without returnAllLayers only the last layer comes back.
    const first = hiddenChannels.length - outputs.length;
    const named: NamedTensors = {};
    for (const [k, output] of outputs.entries()) named[`y${first + k}`] = output;
    for (const [k, state] of lastStates.entries()) {
      named[`h${first + k}`] = state.h;
      named[`c${first + k}`] = state.c;
    }
    return { outputs: named, loaded };
  };
}

/** Cases of ConvLSTM cells and layers in the fused form. */
export const convlstmCases: Readonly<Record<string, GoldenCase>> = {
  convlstm_cell1d: cell(1),
  convlstm_cell2d: cell(2),
  convlstm_cell3d: cell(3),
  convlstm1d: layers(1),
  convlstm2d: layers(2),
  convlstm3d: layers(3),
};
