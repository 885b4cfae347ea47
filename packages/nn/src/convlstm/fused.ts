/*
 * The widely used fused form of ConvLSTM weights: one convolution over cat(x, h) with weight [4H, C+H, …k], gates i, f, o, g.
 * Convolving a concatenation is the sum of two convolutions, so the conversion is exact both ways.
 */
import { formatShape, ShapeError, StateDictError, sameShape } from "@squall/device";
import { cat, noGrad, stack, type Tensor } from "@squall/tensor";
import type { StateDict } from "../module/module.ts";

/** Names in a fused state dict; `{layer}` stands for the layer's number, `{gate}` for i, f or o. */
export interface FusedNames {
  /** Weight `[4H, C+H, …k]`. Default `cell_list.{layer}.conv.weight`, as in ndrplz/ConvLSTM_pytorch. */
  readonly weight?: string;
  /** Bias `[4H]`. Default `cell_list.{layer}.conv.bias`. */
  readonly bias?: string;
  /** Peephole weights `[H, 1…]` or `[H, …size]`. Default `cell_list.{layer}.peephole_{gate}`. */
  readonly peephole?: string;
}

const gates = ["i", "f", "o"] as const;

function namesOf(names: FusedNames, layer: number): { weight: string; bias: string; peephole: string[] } {
  const fill = (template: string): string => template.replaceAll("{layer}", `${layer}`);
  const peephole = fill(names.peephole ?? "cell_list.{layer}.peephole_{gate}");
  return {
    weight: fill(names.weight ?? "cell_list.{layer}.conv.weight"),
    bias: fill(names.bias ?? "cell_list.{layer}.conv.bias"),
    peephole: gates.map((gate) => peephole.replaceAll("{gate}", gate)),
  };
}

/** The two weights that a fused weight holds. */
export interface SplitWeight {
  /** Input-to-state weight, `[4H, C, …k]`. */
  readonly inputWeight: Tensor;
  /** State-to-state weight, `[4H, H, …k]`. */
  readonly stateWeight: Tensor;
}

/**
 * Takes a fused weight apart.
 * @param weight - `[4H, C+H, …k]`
 * @returns `inputWeight` `[4H, C, …k]` and `stateWeight` `[4H, H, …k]`
 * @throws ShapeError if the first axis is not four times some H, or the second is smaller than H
 */
export function splitFusedWeight(weight: Tensor): SplitWeight {
  const [rows = 0, channels = 0] = weight.shape;
  const hidden = rows / 4;
  if (weight.rank < 3 || !Number.isInteger(hidden) || channels < hidden) {
    throw new ShapeError(
      "splitFusedWeight",
      `a fused weight has shape [4H, C+H, …k], got ${formatShape(weight.shape)}`,
      { got: weight.shape },
    );
  }
  return {
    inputWeight: weight.narrow(1, 0, channels - hidden),
    stateWeight: weight.narrow(1, channels - hidden, hidden),
  };
}

/**
 * Puts two weights into the fused form.
 * @returns `[4H, C+H, …k]`
 * @throws ShapeError if the kernels differ: one convolution has only one kernel size
 */
export function fuseWeights(inputWeight: Tensor, stateWeight: Tensor): Tensor {
  const [a, b] = [inputWeight, stateWeight].map((weight) => weight.shape.slice(2));
  if (a === undefined || b === undefined || !sameShape(a, b)) {
    throw new ShapeError(
      "fuseWeights",
      `the fused form has one kernel for input and state, but inputWeight is ${formatShape(inputWeight.shape)} and stateWeight ${formatShape(stateWeight.shape)}`,
      { expected: a, got: b },
    );
  }
  return cat([inputWeight, stateWeight], 1);
}

/**
 * A state dict for {@link ConvLSTM} from one in the fused form.
 * @throws StateDictError if there is no layer, or a name belongs to none; ShapeError if a weight has not the fused shape
 */
export function convLSTMFromFused(fused: StateDict, names: FusedNames = {}): StateDict {
  const ours: StateDict = {};
  const unused = new Set(Object.keys(fused));
  const take = (name: string): Tensor | undefined => {
    unused.delete(name);
    return Object.hasOwn(fused, name) ? fused[name] : undefined;
  };
  let layer = 0;
  for (; Object.hasOwn(fused, namesOf(names, layer).weight); layer++) {
    const theirs = namesOf(names, layer);
    const weight = take(theirs.weight);
    if (weight === undefined) break;
    const parts = noGrad(() => splitFusedWeight(weight));
    if (parts.inputWeight.size > 0) ours[`cells.${layer}.inputWeight`] = parts.inputWeight;
    ours[`cells.${layer}.stateWeight`] = parts.stateWeight;
    const bias = take(theirs.bias);
    if (bias !== undefined) ours[`cells.${layer}.bias`] = bias;
    const peepholes = theirs.peephole.map(take).filter((peephole) => peephole !== undefined);
    if (peepholes.length === gates.length) ours[`cells.${layer}.peephole`] = noGrad(() => stack(peepholes));
    else if (peepholes.length > 0) {
      throw new StateDictError(
        "convLSTMFromFused",
        `layer ${layer} has ${peepholes.length} of the peepholes ${theirs.peephole.join(", ")}; all or none are needed`,
        {
          expected: gates.length,
          got: peepholes.length,
        },
      );
    }
  }
  if (layer === 0) {
    throw new StateDictError(
      "convLSTMFromFused",
      `there is no ${namesOf(names, 0).weight} among ${Object.keys(fused).join(", ")}; say how weights are named`,
      {
        expected: namesOf(names, 0).weight,
        got: Object.keys(fused),
      },
    );
  }
  if (unused.size > 0) {
    throw new StateDictError(
      "convLSTMFromFused",
      `these belong to none of the ${layer} layers found: ${[...unused].join(", ")}`,
      { got: [...unused] },
    );
  }
  return ours;
}

/**
 * A state dict in the fused form from that of a {@link ConvLSTM}.
 * @throws StateDictError if there is no layer; ShapeError if the kernels of a layer differ
 */
export function convLSTMToFused(stateDict: StateDict, names: FusedNames = {}): StateDict {
  const fused: StateDict = {};
  const at = (name: string): Tensor | undefined => (Object.hasOwn(stateDict, name) ? stateDict[name] : undefined);
  let layer = 0;
  for (
    let stateWeight = at("cells.0.stateWeight");
    stateWeight !== undefined;
    stateWeight = at(`cells.${++layer}.stateWeight`)
  ) {
    const theirs = namesOf(names, layer);
    const weight = stateWeight;
    const inputWeight = at(`cells.${layer}.inputWeight`);
    fused[theirs.weight] = inputWeight === undefined ? weight : noGrad(() => fuseWeights(inputWeight, weight));
    const bias = at(`cells.${layer}.bias`);
    if (bias !== undefined) fused[theirs.bias] = bias;
    const peepholes = noGrad(() => at(`cells.${layer}.peephole`)?.unbind(0) ?? []);
    for (const [k, peephole] of peepholes.entries()) fused[theirs.peephole[k] ?? ""] = peephole;
  }
  if (layer === 0) {
    throw new StateDictError(
      "convLSTMToFused",
      `this is not the state dict of a ConvLSTM: there is no cells.0.stateWeight among ${Object.keys(stateDict).join(", ")}`,
      {
        expected: "cells.0.stateWeight",
        got: Object.keys(stateDict),
      },
    );
  }
  return fused;
}
