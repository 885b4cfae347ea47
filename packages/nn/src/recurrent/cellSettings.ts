import { ArgumentError, type ConvOptions, convGeometry } from "@squall/device";
import { Generator, type Tensor } from "@squall/tensor";
import { checkChoice, checkDivisible, checkFlags, checkNumber, checkWhole, show, wholePerAxis } from "../arguments.ts";
import { resolveActivation } from "./activation.ts";
import type { CellKind } from "./cell.ts";
import { checkSpatialDims } from "./cellChecks.ts";
import { checkRate } from "./noise.ts";
import type { CellNorm, RecurrentCellOptions, SpatialDims, Zoneout } from "./options.ts";
import { resolveKernel } from "./resolveOptions.ts";

/** The options of a cell, checked, with defaults for what was left out. */
export interface CellSettings {
  /** Channels C of the input; 0 if there is none. */
  readonly inputChannels: number;
  /** Channels H of each state. */
  readonly hiddenChannels: number;
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** Shape of the input-to-state weight, `[gates·H, C/groups, …k]`. */
  readonly inputShape: readonly number[];
  /** Shape of the state-to-state weight, `[gates·H, H/stateGroups, …k]`. */
  readonly stateShape: readonly number[];
  /** Stride, padding, dilation and groups of the input-to-state convolution. */
  readonly inputConv: Required<ConvOptions>;
  /** Padding, dilation and groups of the state-to-state convolution. */
  readonly stateConv: Required<ConvOptions>;
  /** Kind of normalization. */
  readonly norm: CellNorm;
  /** Groups of channels of each gate that are normalized together. */
  readonly normGroups: number;
  /** Probability that an element of the input is dropped. */
  readonly inputDropout: number;
  /** Probability that an element of the hidden state is dropped. */
  readonly recurrentDropout: number;
  /** Whether each gate has dropout masks of its own. */
  readonly dropoutMasks: "gate" | "shared";
  /** Probabilities that units keep their old values, per part of the state. */
  readonly zoneout: readonly number[];
  /** Squashes the candidate and the cell state. */
  readonly activation: (x: Tensor) => Tensor;
  /** Squashes the gates. */
  readonly recurrentActivation: (x: Tensor) => Tensor;
}

/** Checks the options of a cell. @throws ArgumentError if one is out of range */
export function resolveCell({ op, gates, stateNames, forget }: CellKind, options: RecurrentCellOptions): CellSettings {
  const { bias, learnedInitialState } = options;
  checkFlags(op, { bias, learnedInitialState });
  if (options.generator !== undefined && !(options.generator instanceof Generator)) {
    throw new ArgumentError(op, `generator must be a Generator, got ${show(options.generator)}`, {
      got: options.generator,
    });
  }
  if (forget?.bias !== undefined) {
    checkNumber(op, "forgetBias", forget.bias, "a number");
    if (bias === false) {
      throw new ArgumentError(op, "forgetBias is a part of the bias, but bias is false; leave one of them out", {
        got: forget.bias,
      });
    }
  }
  const { inputChannels, hiddenChannels, spatialDims = 2, norm = "none", normGroups = 1, groups = 1 } = options;
  const { stateGroups = 1, inputDropout = 0, recurrentDropout = 0, dropoutMasks = "gate" } = options;
  checkWhole(op, "inputChannels", inputChannels, 0);
  checkWhole(op, "hiddenChannels", hiddenChannels, 1);
  checkSpatialDims(op, spatialDims);
  checkWhole(op, "groups", groups, 1);
  checkWhole(op, "stateGroups", stateGroups, 1);
  checkDivisible(op, "inputChannels", inputChannels, "groups", groups);
  checkDivisible(op, "hiddenChannels", hiddenChannels, "groups", groups);
  checkDivisible(op, "hiddenChannels", hiddenChannels, "stateGroups", stateGroups);
  checkChoice(op, "norm", norm, ["none", "group", "layer"]);
  checkWhole(op, "normGroups", normGroups, 1);
  checkDivisible(op, "hiddenChannels", hiddenChannels, "normGroups", normGroups);
  if (normGroups > 1 && norm !== "group") {
    throw new ArgumentError(op, `normGroups (=${normGroups}) is for the norm "group", but norm is "${norm}"`, {
      expected: "group",
      got: norm,
    });
  }
  checkRate(op, "inputDropout", inputDropout);
  checkRate(op, "recurrentDropout", recurrentDropout);
  checkChoice(op, "dropoutMasks", dropoutMasks, ["gate", "shared"]);
  const kernel = resolveKernel(op, "kernelSize", options.kernelSize, spatialDims);
  const stateKernelSize = options.stateKernelSize ?? options.kernelSize;
  const stateKernel = resolveKernel(op, "stateKernelSize", stateKernelSize, spatialDims);
  const zoneout = resolveZoneout(op, options.zoneout ?? 0, stateNames);
  const activation = resolveActivation(op, "activation", options.activation ?? "tanh");
  const recurrentActivation = resolveActivation(op, "recurrentActivation", options.recurrentActivation ?? "sigmoid");
  checkChoice(op, "zoneoutInEvaluation", options.zoneoutInEvaluation ?? "off", ["off", "expected"]);
  if (options.imageSize !== undefined) checkImageSize(op, options.imageSize, spatialDims);
  const dilation = wholePerAxis(op, "dilation", options.dilation ?? 1, spatialDims, 1);
  const inputConv = {
    stride: wholePerAxis(op, "stride", options.stride ?? 1, spatialDims, 1),
    padding: options.padding ?? "same",
    dilation,
    groups,
  };
  const stateConv = {
    stride: 1,
    padding: "same",
    dilation: wholePerAxis(op, "stateDilation", options.stateDilation ?? 1, spatialDims, 1),
    groups: stateGroups,
  } as const;
  const inputShape = [gates * hiddenChannels, inputChannels / groups, ...kernel];
  const stateShape = [gates * hiddenChannels, hiddenChannels / stateGroups, ...stateKernel];
  if (inputChannels === 0) refuseInputOptions(op, options);
  else {
    // The smallest image that fits shows whether the padding is one, before there is an image.
    const spans = kernel.map((k, axis) => (k - 1) * (dilation[axis] ?? 1) + 1);
    convGeometry(op, [1, inputChannels, ...spans], inputShape, inputConv);
  }
  return {
    inputChannels,
    hiddenChannels,
    spatialDims,
    inputShape,
    stateShape,
    inputConv,
    stateConv,
    norm,
    normGroups,
    inputDropout,
    recurrentDropout,
    dropoutMasks,
    zoneout,
    activation,
    recurrentActivation,
  };
}

/** @throws ArgumentError unless there is a whole number >= 1 per axis */
function checkImageSize(op: string, imageSize: readonly number[], spatialDims: number): void {
  if (!Array.isArray(imageSize) || imageSize.length !== spatialDims) {
    throw new ArgumentError(op, `imageSize needs ${spatialDims} sizes, got ${show(imageSize)}`, {
      expected: spatialDims,
      got: imageSize,
    });
  }
  for (const size of imageSize) checkWhole(op, "imageSize", size, 1);
}

/** @throws ArgumentError if an option is about an input that there is not */
function refuseInputOptions(op: string, options: RecurrentCellOptions): void {
  for (const name of ["stride", "padding", "dilation", "groups", "inputDropout"] as const) {
    const value = options[name];
    if (value === undefined || value === 0 || (name !== "padding" && value === 1) || value === "same") continue;
    throw new ArgumentError(
      op,
      `${name} is about the input, but inputChannels is 0: there is none; leave ${name} out`,
      { got: value },
    );
  }
}

/** One probability per part of the state. @throws ArgumentError if one is out of range or named after no part */
function resolveZoneout(op: string, option: Zoneout, stateNames: readonly string[]): number[] {
  if (typeof option !== "number" && (typeof option !== "object" || Array.isArray(option))) {
    throw new ArgumentError(
      op,
      `zoneout must be a probability, or one for each part of the state, got ${show(option)}`,
      {
        expected: stateNames,
        got: option,
      },
    );
  }
  const byName = typeof option === "number" ? Object.fromEntries(stateNames.map((name) => [name, option])) : option;
  for (const [name, p] of Object.entries(byName)) {
    if (!stateNames.includes(name)) {
      throw new ArgumentError(op, `zoneout names ${name}, but the parts of the state are ${stateNames.join(", ")}`, {
        expected: stateNames,
        got: name,
      });
    }
    checkRate(op, typeof option === "number" ? "zoneout" : `zoneout.${name}`, p);
  }
  return stateNames.map((name) => byName[name] ?? 0);
}
