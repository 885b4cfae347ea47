import { formatShape, type PerAxis, type Shape, ShapeError, sameShape } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkFlags, checkWhole, wholePerAxis } from "../arguments.ts";
import { fanInInit } from "../layers/fanInInit.ts";
import type { ModuleOptions } from "../module/options.ts";
import type { Parameter } from "../module/parameter.ts";
import { checkNames } from "../optionNames.ts";
import { type Activation, resolveActivation } from "../recurrent/activation.ts";
import { checkSpatialDims } from "../recurrent/cellChecks.ts";
import { FrameStage } from "../recurrent/frameStage.ts";
import type { SpatialDims } from "../recurrent/options.ts";
import { convStageNames } from "./names.ts";

/** Options of {@link DownStage}, {@link UpStage} and {@link ResizeStage}. */
export interface ConvStageOptions extends ModuleOptions {
  /** Channels of the images that it takes. */
  readonly inChannels: number;
  /** Channels of the images that it makes. */
  readonly outChannels: number;
  /** Spatial axes. Default 2. */
  readonly spatialDims?: SpatialDims;
  /** How many times smaller or larger it makes images, per axis. Default 2. */
  readonly stride?: PerAxis;
  /** Kernel of the convolution. Default: `2·stride - 1`, so that neighbouring outputs share inputs, but at least 3. */
  readonly kernelSize?: PerAxis;
  /** Whether a learned number is added to each output channel. Default true. */
  readonly bias?: boolean;
  /** What follows the convolution. Default `"leakyRelu"` (slope 0.2, as in Shi et al. 2017). */
  readonly activation?: Activation;
}

/** What {@link DownStage}, {@link UpStage} and {@link ResizeStage} have in common: a convolution with bias, and an activation. */
export abstract class ConvStage extends FrameStage {
  override readonly inChannels: number;
  override readonly outChannels: number;
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** How many times smaller or larger it makes images, per axis. */
  readonly stride: readonly number[];
  /** Kernel of the convolution, per axis. */
  readonly kernelSize: readonly number[];
  /** What follows the convolution. */
  readonly activation: (x: Tensor) => Tensor;
  /** `[outChannels, inChannels, …k]`; the other way round, `[inChannels, outChannels, …k]`, for a transposed convolution. */
  readonly weight: Parameter;
  /** `[outChannels]`; `undefined` for `bias: false`. */
  readonly bias: Parameter | undefined;
  /** Name for messages. */
  protected readonly op: string;

  /**
   * @param isTransposed - whether the weight is that of a transposed convolution
   * @throws ArgumentError if an option is out of range
   */
  protected constructor(op: string, options: ConvStageOptions, isTransposed: boolean) {
    super();
    checkNames(op, options, convStageNames);
    checkFlags(op, { bias: options.bias });
    const { inChannels, outChannels, spatialDims = 2 } = options;
    checkWhole(op, "inChannels", inChannels, 1);
    checkWhole(op, "outChannels", outChannels, 1);
    checkSpatialDims(op, spatialDims);
    this.op = op;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.spatialDims = spatialDims;
    this.stride = wholePerAxis(op, "stride", options.stride ?? 2, spatialDims, 1);
    const kernel = options.kernelSize ?? this.stride.map((stride) => Math.max(3, 2 * stride - 1));
    this.kernelSize = wholePerAxis(op, "kernelSize", kernel, spatialDims, 1);
    this.activation = resolveActivation(op, "activation", options.activation ?? "leakyRelu");
    const channels = isTransposed ? [inChannels, outChannels] : [outChannels, inChannels];
    const biasSize = (options.bias ?? true) ? outChannels : undefined;
    const { weight, bias } = fanInInit(op, [...channels, ...this.kernelSize], biasSize, options);
    this.weight = weight;
    this.bias = bias;
  }

  /** Sizes that a strided convolution with the padding `"same"` makes: `ceil(size / stride)`. */
  protected reduced(size: Shape): number[] {
    return size.map((each, axis) => Math.ceil(each / (this.stride[axis] ?? 1)));
  }

  /** Sizes of a stage that makes images larger: those of the states, or `size · stride` where those are not known. */
  protected enlarged(imageSize: Shape, states: Shape | undefined): number[] {
    return [...(states ?? imageSize.map((size, axis) => size * (this.stride[axis] ?? 1)))];
  }

  /** @throws ShapeError unless the stride makes images of `size` as small as these */
  protected checkEnlarged(x: Tensor, size: Shape): void {
    const expected = this.reduced(size);
    const got = x.shape.slice(2);
    if (sameShape(expected, got)) return;
    throw new ShapeError(
      this.op,
      `images of ${formatShape(size)} are made of images of ${formatShape(expected)} with stride [${this.stride.join(",")}], but these are ${formatShape(got)}`,
      { expected, got },
    );
  }
}
