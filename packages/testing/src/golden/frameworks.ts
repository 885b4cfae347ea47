import { ArgumentError } from "@squall/device";
import { ConvLSTM, ConvLSTMCell, type LSTMState, type SpatialDims } from "@squall/nn";
import type { Tensor } from "@squall/tensor";
import { type GoldenCase, need } from "./case.ts";
import { loadParameters } from "./load.ts";

const paddings = ["valid", "same"] as const;

/** `[…outer, …space, C]` as `[…outer, C, …space]`. @param outer - how many axes stand before the space */
function channelsFirst(x: Tensor, outer: number): Tensor {
  const axes = Array.from({ length: x.rank }, (_, k) => k);
  return x.permute([...axes.slice(0, outer), x.rank - 1, ...axes.slice(outer, -1)]);
}

/** `[…outer, C, …space]` as `[…outer, …space, C]`. */
function channelsLast(x: Tensor, outer: number): Tensor {
  const axes = Array.from({ length: x.rank }, (_, k) => k);
  return x.permute([...axes.slice(0, outer), ...axes.slice(outer + 1), outer]);
}

/** @throws ArgumentError if there are no such images */
function spatialDimsOf(axes: number): SpatialDims {
  if (axes === 1 || axes === 2 || axes === 3) return axes;
  throw new ArgumentError("golden", `images of ${axes} axes are not understood`, { got: axes });
}

function lastState({ h, c }: LSTMState): { h: Tensor; c: Tensor } {
  return { h: channelsLast(h, 1), c: channelsLast(c, 1) };
}

/** Flax's cell: `x [N, …, C]`, `h` and `c` `[N, …, H]`. */
const flaxCell: GoldenCase = (inputs) => {
  const { tensors, args } = inputs;
  args.oneOf("gate_order", ["igfo"]);
  args.ignore("layout");
  const [x, h, c] = [need(tensors, "x"), need(tensors, "h"), need(tensors, "c")];
  const cell = new ConvLSTMCell({
    inputChannels: x.shape.at(-1) ?? 0,
    hiddenChannels: args.number("features"),
    kernelSize: args.numbers("kernel_size") ?? [],
    spatialDims: spatialDimsOf(x.rank - 2),
    dtype: x.dtype,
    device: x.device,
  });
  const loaded = loadParameters(cell, inputs, "flax", "cells.0.");
  const state = { h: channelsFirst(h, 1), c: channelsFirst(c, 1) };
  return { outputs: lastState(cell.forward(channelsFirst(x, 1), state)), loaded };
};

/** Keras' layers: `x [N, T, …, C]`; `y [N, T, …, H]` or that of the last step, `h` and `c` after it. */
function kerasLayer(spatialDims: SpatialDims): GoldenCase {
  return (inputs) => {
    const { tensors, args } = inputs;
    args.oneOf("gate_order", ["ifco"]);
    args.ignore("layout");
    const x = need(tensors, "x");
    const returnSequences = args.boolean("return_sequences", false);
    const model = new ConvLSTM({
      inputChannels: x.shape.at(-1) ?? 0,
      hiddenChannels: args.number("filters"),
      kernelSize: args.perAxis("kernel_size"),
      padding: args.oneOf("padding", paddings),
      stride: args.perAxis("strides", 1),
      batchFirst: true,
      returnSequences,
      spatialDims,
      dtype: x.dtype,
      device: x.device,
    });
    const loaded = loadParameters(model, inputs, "keras");
    const [[y], [state]] = model.forward(channelsFirst(x, 2));
    if (y === undefined || state === undefined) throw new ArgumentError("golden", "the model has no layer");
    return { outputs: { y: channelsLast(y, returnSequences ? 2 : 1), ...lastState(state) }, loaded };
  };
}

/** Cases of other frameworks' ConvLSTM, with their weights and channels last. */
export const frameworkCases: Readonly<Record<string, GoldenCase>> = {
  flax_convlstm_cell: flaxCell,
  keras_convlstm1d: kerasLayer(1),
  keras_convlstm2d: kerasLayer(2),
  keras_convlstm3d: kerasLayer(3),
};
