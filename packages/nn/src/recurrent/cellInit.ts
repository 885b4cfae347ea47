import { type Shape, sizeOf } from "@squall/device";
import type { Generator, Tensor } from "@squall/tensor";
import { checkChoice } from "../arguments.ts";
import { fans } from "../init/gain.ts";
import { orthogonal_ } from "../init/orthogonal.ts";
import { uniform_ } from "../init/random.ts";
import { truncNormal_ } from "../init/truncNormal.ts";
import { xavierUniform_ } from "../init/xavier.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Fills a weight in place, with numbers from `generator` if it needs any: `init.orthogonal_` is one. */
export type Initializer = (tensor: Tensor, options: { readonly generator: Generator }) => unknown;

/** Initializers of a recurrent convolutional cell, per group of weights. */
export interface CellInitializers {
  /** Of the input-to-state weight `[gates·H, C/groups, …k]`. Default: that of the preset `"lecun"`. */
  readonly inputWeight?: Initializer;
  /** Of the state-to-state weight `[gates·H, H/stateGroups, …k]`. Default: that of the preset `"lecun"`. */
  readonly stateWeight?: Initializer;
  /** Of the bias `[gates·H]`; a forget bias is added to it. Default: 0. */
  readonly bias?: Initializer;
  /** Of peephole weights. Default: 0. */
  readonly peephole?: Initializer;
}

/**
 * Names of sets of initializers:
 *
 * - `lecun` (default): weights uniform with variance 1 / (taps that feed one gate, those of input and state together); biases 0, the forget
 *   gate's 1.
 * - `pytorch`: what a `Conv2d` over `cat(x, h)` starts with: weights and biases uniform in ±1/√(those taps), no forget bias.
 * - `keras`: input weight Glorot uniform, state weight orthogonal; biases 0, the forget gate's 1.
 * - `brainpy`: weights normal with variance 2 / (fanIn + fanOut), cut off at two standard deviations; biases 0, the forget gate's 1.
 */
export type CellInitPreset = "lecun" | "pytorch" | "keras" | "brainpy";

/** A preset, or initializers of your own. */
export type CellInit = CellInitPreset | CellInitializers;

interface Preset extends Required<Omit<CellInitializers, "peephole">> {
  readonly forgetBias: number;
}

const nothing = (): void => {};

function uniform(bound: number): Initializer {
  return (tensor, { generator }) => uniform_(tensor, { a: -bound, b: bound, generator });
}

/** BrainPy's and JAX's: they divide by the standard deviation that the cut leaves, so that the variance is as said. */
const truncatedXavier: Initializer = (tensor, { generator }) => {
  const { fanIn, fanOut } = fans("brainpy", tensor);
  const std = Math.sqrt(2 / (fanIn + fanOut)) / 0.8796256610342398;
  truncNormal_(tensor, { std, a: -2 * std, b: 2 * std, generator });
};

const presets: Readonly<Record<CellInitPreset, (taps: number) => Preset>> = {
  lecun: (taps) => {
    const weight = uniform(Math.sqrt(3 / taps));
    return { inputWeight: weight, stateWeight: weight, bias: nothing, forgetBias: 1 };
  },
  pytorch: (taps) => {
    const all = uniform(1 / Math.sqrt(taps));
    return { inputWeight: all, stateWeight: all, bias: all, forgetBias: 0 };
  },
  keras: () => ({ inputWeight: xavierUniform_, stateWeight: orthogonal_, bias: nothing, forgetBias: 1 }),
  brainpy: () => ({ inputWeight: truncatedXavier, stateWeight: truncatedXavier, bias: nothing, forgetBias: 1 }),
};

const presetNames: readonly CellInitPreset[] = ["lecun", "pytorch", "keras", "brainpy"];

/** Inputs that one pre-activation sums over. @param shapes - of the weights that feed it, `[O, I, …k]` */
export function tapsOf(...shapes: readonly (Shape | undefined)[]): number {
  return shapes.reduce((sum, shape) => sum + (shape === undefined ? 0 : sizeOf(shape.slice(1))), 0);
}

const groupNames: Names<CellInitializers> = { inputWeight: true, stateWeight: true, bias: true, peephole: true };

/** Initializers of every group, and the forget bias that goes with them. */
export interface ResolvedInit extends Required<CellInitializers> {
  /** Added to the forget gate's bias unless an option says otherwise. */
  readonly forgetBias: number;
}

/**
 * The initializers of a cell.
 * @param taps - inputs that one pre-activation sums over, of both convolutions
 * @throws ArgumentError if there is no such preset
 */
export function resolveInit(op: string, init: CellInit | undefined, taps: number): ResolvedInit {
  if (typeof init === "object") checkNames(`${op}.init`, init, groupNames);
  if (typeof init === "object") return { ...presets.lecun(taps), peephole: nothing, ...init };
  const name = init ?? "lecun";
  checkChoice(op, "init", name, presetNames);
  return { ...presets[name](taps), peephole: nothing };
}
