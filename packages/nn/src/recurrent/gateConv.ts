import type { ConvOptions } from "@squall/device";
import { cat, conv1d, conv2d, conv3d, type Tensor } from "@squall/tensor";
import type { SpatialDims } from "./options.ts";

const convolutions = { 1: conv1d, 2: conv2d, 3: conv3d } as const;

/** Convolution over one to three axes. */
export function convolve(
  dims: SpatialDims,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  options: ConvOptions,
): Tensor {
  return convolutions[dims](x, weight, bias, options);
}

/** What is convolved to the pre-activations of all gates. */
export interface GateInput {
  /** The input itself, or one copy of it for each gate, in order along the axis of channels. */
  readonly frames: Tensor;
  /** Groups of channels of the convolution. */
  readonly groups: number;
}

/**
 * Lays out the input of a convolution whose outputs are several gates. One convolution does for all gates as long as all see the same
 * input. If each gate sees it through a mask of its own, or has groups of its own, then each gets a copy, and the groups keep them apart.
 * @param x - `[…, N, C, …]`
 * @param channelAxis - where C stands
 * @param masks - one for all gates, one for each, or none; they broadcast with `x`
 */
export function gateInput(
  x: Tensor,
  channelAxis: number,
  gates: number,
  groups: number,
  masks: readonly Tensor[] | undefined,
): GateInput {
  const copies = (masks ?? []).map((mask) => x.mul(mask));
  const [first = x] = copies;
  if (copies.length < 2 && (groups === 1 || gates === 1)) return { frames: first, groups };
  const perGate = Array.from({ length: gates }, (_, gate) => copies[gate] ?? first);
  return { frames: cat(perGate, channelAxis), groups: gates * groups };
}
