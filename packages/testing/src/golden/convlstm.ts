import {
  ConvLSTM,
  ConvLSTMCell,
  convLSTMFromFused,
  convLSTMToFused,
  type FusedNames,
  type LSTMState,
  type Module,
  type StateDict,
} from "@squall/nn";
import type { FixtureArguments } from "./arguments.ts";
import { type CaseResult, type GoldenCase, type NamedTensors, need } from "./case.ts";

const peepholes = ["none", "channel", "full"] as const;

/** How the fixtures name fused weights: under `cells.L.` for layers, bare for a cell (read as layer 0). */
const layerNames: FusedNames = {
  weight: "cells.{layer}.weight",
  bias: "cells.{layer}.bias",
  peephole: "cells.{layer}.peephole_{gate}",
};

function isWeight(name: string): boolean {
  return /(^|\.)(weight|bias|peephole_[ifo])$/.test(name);
}

function renamed(tensors: NamedTensors, rename: (name: string) => string): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, value]) => [rename(name), value]));
}

/** Loads fused weights into a module in the dtype under test, and turns its gradients back into theirs. */
function withWeights(
  module: Module,
  fused: StateDict,
  ourPrefix: string,
): Required<Pick<CaseResult, "leaves" | "gradientsOf">> {
  const ours = renamed(convLSTMFromFused(fused, layerNames), (name) => name.slice(ourPrefix.length));
  module.loadStateDict(ours);
  const leaves: NamedTensors = Object.fromEntries(module.namedParameters());
  return {
    leaves,
    gradientsOf: (gradients) =>
      convLSTMToFused(
        renamed(gradients, (name) => `${ourPrefix}${name}`),
        layerNames,
      ),
  };
}

function fusedWeights(tensors: NamedTensors, prefix: string): StateDict {
  const weights = Object.entries(tensors).filter(([name]) => isWeight(name));
  return Object.fromEntries(weights.map(([name, value]) => [`${prefix}${name}`, value]));
}

function readGateOrder(args: FixtureArguments): void {
  args.oneOf("gate_order", ["ifog"]);
}

function cell(spatialDims: 1 | 2 | 3): GoldenCase {
  return ({ tensors, args }) => {
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
    const { leaves, gradientsOf } = withWeights(module, fusedWeights(tensors, "cells.0."), "cells.0.");
    const { h, c } = module.forward(x, { h: need(tensors, "h"), c: need(tensors, "c") });
    return {
      outputs: { h, c },
      leaves,
      gradientsOf: (g) => renamed(gradientsOf(g), (name) => name.replace("cells.0.", "")),
    };
  };
}

function layers(spatialDims: 1 | 2 | 3): GoldenCase {
  return ({ tensors, args }) => {
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
    const weights = withWeights(module, fusedWeights(tensors, ""), "");
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
    return { outputs: named, ...weights };
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
