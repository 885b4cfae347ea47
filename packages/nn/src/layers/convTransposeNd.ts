import { ArgumentError, type PerAxis } from "@squall/device";
import type { ConvTransposeOptions, Tensor } from "@squall/tensor";
import { checkDivisible, checkWhole, wholePerAxis } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { type ModuleOptions, moduleNames } from "../module/options.ts";
import type { Parameter } from "../module/parameter.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { fanInInit } from "./fanInInit.ts";

/** Options of {@link ConvTranspose1d}, {@link ConvTranspose2d} and {@link ConvTranspose3d}. */
export interface ConvTransposeNdOptions extends ModuleOptions, ConvTransposeOptions {
  /** Channels C of the input. */
  readonly inChannels: number;
  /** Channels O of the output. */
  readonly outChannels: number;
  /** Size of the kernel: one number, or one per axis. */
  readonly kernelSize: PerAxis;
  /** Whether a learned number is added to each output channel. Default true. */
  readonly bias?: boolean;
}

const names: Names<ConvTransposeNdOptions> = {
  ...moduleNames,
  inChannels: true,
  outChannels: true,
  kernelSize: true,
  stride: true,
  padding: true,
  outputPadding: true,
  dilation: true,
  groups: true,
  bias: true,
};

/** What {@link ConvTranspose1d}, {@link ConvTranspose2d} and {@link ConvTranspose3d} have in common. */
export abstract class ConvTransposeNd extends Module implements Required<ConvTransposeOptions> {
  /** Channels C of the input. */
  readonly inChannels: number;
  /** Channels O of the output. */
  readonly outChannels: number;
  /** Size of the kernel, per axis. */
  readonly kernelSize: readonly number[];
  /** Step between the places where input positions land in the output, per axis. */
  readonly stride: readonly number[];
  /** How much the output shrinks on both sides, per axis. */
  readonly padding: readonly number[];
  /** Added to one end of the output, per axis. */
  readonly outputPadding: readonly number[];
  /** Step between kernel taps, per axis. */
  readonly dilation: readonly number[];
  /** Independent groups of channels. */
  readonly groups: number;
  /** `[C, O/groups, …k]`, initially uniform in ±1/√(O/groups·k…), as in PyTorch. */
  readonly weight: Parameter;
  /** `[O]`, initially uniform like the weight; `undefined` for `bias: false`. */
  readonly bias: Parameter | undefined;

  /** @throws ArgumentError if an option is unknown or out of range */
  constructor(name: string, rank: number, options: ConvTransposeNdOptions) {
    super();
    checkNames(name, options, names);
    const { inChannels, outChannels, groups = 1 } = options;
    checkWhole(name, "inChannels", inChannels, 1);
    checkWhole(name, "outChannels", outChannels, 1);
    checkWhole(name, "groups", groups, 1);
    checkDivisible(name, "inChannels", inChannels, "groups", groups);
    checkDivisible(name, "outChannels", outChannels, "groups", groups);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.groups = groups;
    this.kernelSize = wholePerAxis(name, "kernelSize", options.kernelSize, rank, 1);
    this.stride = wholePerAxis(name, "stride", options.stride ?? 1, rank, 1);
    this.padding = wholePerAxis(name, "padding", options.padding ?? 0, rank, 0);
    this.outputPadding = wholePerAxis(name, "outputPadding", options.outputPadding ?? 0, rank, 0);
    this.dilation = wholePerAxis(name, "dilation", options.dilation ?? 1, rank, 1);
    for (const [axis, extra] of this.outputPadding.entries()) {
      const [stride = 1, dilation = 1] = [this.stride[axis], this.dilation[axis]];
      if (extra < Math.max(stride, dilation)) continue;
      throw new ArgumentError(
        name,
        `outputPadding must be less than stride or dilation, got ${extra} with stride ${stride} and dilation ${dilation}`,
        { expected: Math.max(stride, dilation), got: extra },
      );
    }
    const { weight, bias } = fanInInit(
      name,
      [inChannels, outChannels / groups, ...this.kernelSize],
      (options.bias ?? true) ? outChannels : undefined,
      options,
    );
    this.weight = weight;
    this.bias = bias;
  }

  /** Transposed convolution of a batch. */
  abstract forward(x: Tensor): Tensor;
}
