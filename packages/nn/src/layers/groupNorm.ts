import { formatShape, ShapeError, sizeOf } from "@squall/device";
import { ones, type Tensor, zeros } from "@squall/tensor";
import { checkDivisible, checkNumber, checkWhole } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { creation, type ModuleOptions, moduleNames } from "../module/options.ts";
import { Parameter } from "../module/parameter.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { normalize } from "./normalize.ts";

/** Options of {@link GroupNorm}. */
export interface GroupNormOptions extends ModuleOptions {
  /** Number of groups that the channels are divided into. */
  readonly numGroups: number;
  /** Channels C of the input. */
  readonly numChannels: number;
  /** Added to the variance, so that nothing is divided by 0. Default 1e-5. */
  readonly eps?: number;
  /** Whether each channel has a learned factor and summand. Default true. */
  readonly affine?: boolean;
}

const names: Names<GroupNormOptions> = { ...moduleNames, numGroups: true, numChannels: true, eps: true, affine: true };

/**
 * Normalizes each sample's groups of channels to mean 0 and variance 1 (Wu and He 2018); PyTorch's `GroupNorm`. It depends on neither the
 * batch nor the training mode.
 */
export class GroupNorm extends Module {
  /** Number of groups. */
  readonly numGroups: number;
  /** Channels C of the input. */
  readonly numChannels: number;
  /** Added to the variance. */
  readonly eps: number;
  /** Factor per channel `[C]`, initially 1; `undefined` for `affine: false`. */
  readonly weight: Parameter | undefined;
  /** Summand per channel `[C]`, initially 0; `undefined` for `affine: false`. */
  readonly bias: Parameter | undefined;

  /** @throws ArgumentError if an option is unknown, `numGroups` does not divide `numChannels` or a number is out of range */
  constructor(options: GroupNormOptions) {
    super();
    checkNames("GroupNorm", options, names);
    const { numGroups, numChannels, eps = 1e-5, affine = true } = options;
    checkWhole("GroupNorm", "numGroups", numGroups, 1);
    checkWhole("GroupNorm", "numChannels", numChannels, 1);
    checkDivisible("GroupNorm", "numChannels", numChannels, "numGroups", numGroups);
    checkNumber("GroupNorm", "eps", eps, "a finite number >= 0", (n) => n >= 0);
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? new Parameter(ones([numChannels], creation(options))) : undefined;
    this.bias = affine ? new Parameter(zeros([numChannels], creation(options))) : undefined;
  }

  /** `[N, C, …]` to the same shape. @throws ShapeError if it has other channels; DTypeError, DeviceError */
  forward(x: Tensor): Tensor {
    const [batch = 0, channels, ...space] = x.shape;
    if (channels !== this.numChannels) {
      throw new ShapeError(
        "GroupNorm",
        `the input must be [N, C, …] with C = ${this.numChannels} channels, got input ${formatShape(x.shape)}`,
        { expected: this.numChannels, got: channels },
      );
    }
    const grouped = x.reshape([batch, this.numGroups, (channels / this.numGroups) * sizeOf(space)]);
    const y = normalize(grouped, [2], this.eps).reshape(x.shape);
    const perChannel = [channels, ...space.map(() => 1)];
    const scaled = this.weight === undefined ? y : y.mul(this.weight.reshape(perChannel));
    return this.bias === undefined ? scaled : scaled.add(this.bias.reshape(perChannel));
  }
}
