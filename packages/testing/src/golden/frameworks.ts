import { ArgumentError } from "@squall/device";
import { ConvLSTMCell, type LSTMState, type SpatialDims } from "@squall/nn";
import type { Tensor } from "@squall/tensor";
import { type GoldenCase, need } from "./case.ts";
import { loadParameters } from "./load.ts";

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

/** Cases of other frameworks' ConvLSTM, with their weights and channels last. */
export const frameworkCases: Readonly<Record<string, GoldenCase>> = {
  flax_convlstm_cell: flaxCell,
};
