import { type ConvOptions, convGeometry, type Padding, type PerAxis } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkDivisible, checkWhole, wholePerAxis } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { type ModuleOptions, moduleNames } from "../module/options.ts";
import type { Parameter } from "../module/parameter.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { fanInInit } from "./fanInInit.ts";

/** Options of {@link Conv1d}, {@link Conv2d} and {@link Conv3d}. */
export interface ConvNdOptions extends ModuleOptions, ConvOptions {
  /** Channels C of the input. */
  readonly inChannels: number;
  /** Channels O of the output. */
  readonly outChannels: number;
  /** Size of the kernel: one number, or one per axis. */
  readonly kernelSize: PerAxis;
  /** Whether a learned number is added to each output channel. Default true. */
  readonly bias?: boolean;
}

const names: Names<ConvNdOptions> = {
  ...moduleNames,
  inChannels: true,
  outChannels: true,
  kernelSize: true,
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
  bias: true,
};

/** What {@link Conv1d}, {@link Conv2d} and {@link Conv3d} have in common. */
export abstract class ConvNd extends Module implements Required<ConvOptions> {
  /** Channels C of the input. */
  readonly inChannels: number;
  /** Channels O of the output. */
  readonly outChannels: number;
  /** Size of the kernel, per axis. */
  readonly kernelSize: readonly number[];
  /** Step between outputs, per axis. */
  readonly stride: readonly number[];
  /** Zeros around the input. */
  readonly padding: Padding;
  /** Step between kernel taps, per axis. */
  readonly dilation: readonly number[];
  /** Independent groups of channels. */
  readonly groups: number;
  /** `[O, C/groups, …k]`, initially uniform in ±1/√(C/groups·k…). */
  readonly weight: Parameter;
  /** `[O]`, initially uniform in ±1/√(C/groups·k…); `undefined` for `bias: false`. */
  readonly bias: Parameter | undefined;

  /** @throws ArgumentError if an option is unknown or out of range */
  constructor(name: string, rank: number, options: ConvNdOptions) {
    super();
    checkNames(name, options, names);
    const { inChannels, outChannels, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
    checkWhole(name, "inChannels", inChannels, 1);
    checkWhole(name, "outChannels", outChannels, 1);
    checkWhole(name, "groups", groups, 1);
    checkDivisible(name, "inChannels", inChannels, "groups", groups);
    checkDivisible(name, "outChannels", outChannels, "groups", groups);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = wholePerAxis(name, "kernelSize", options.kernelSize, rank, 1);
    this.stride = wholePerAxis(name, "stride", stride, rank, 1);
    this.dilation = wholePerAxis(name, "dilation", dilation, rank, 1);
    this.padding = padding;
    this.groups = groups;
    const weightShape = [outChannels, inChannels / groups, ...this.kernelSize];
    // The smallest input that fits shows whether the padding is one, before there is an input.
    const spans = this.kernelSize.map((k, axis) => (k - 1) * (this.dilation[axis] ?? 1) + 1);
    convGeometry(name, [1, inChannels, ...spans], weightShape, this);
    const { weight, bias } = fanInInit(name, weightShape, (options.bias ?? true) ? outChannels : undefined, options);
    this.weight = weight;
    this.bias = bias;
  }

  /** Convolution of a batch. */
  abstract forward(x: Tensor): Tensor;
}
