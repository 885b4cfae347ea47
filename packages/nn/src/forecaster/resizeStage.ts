import type { Shape } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { convolve } from "../recurrent/gateConv.ts";
import { ConvStage, type ConvStageOptions } from "./convStage.ts";

/**
 * Makes images larger without the checkerboards of transposed convolutions (Odena et al. 2016): every pixel is repeated `stride` times along
 * each axis, what goes beyond the size that is wanted is cut off, and a convolution that keeps the size, then an activation, follow.
 */
export class ResizeStage extends ConvStage {
  /** @throws ArgumentError if an option is out of range */
  constructor(options: ConvStageOptions) {
    super("ResizeStage", options, false);
  }

  /** The sizes of the states, or `size · stride` where those are not known. */
  override sizeOf(imageSize: Shape, states?: Shape): number[] {
    return this.enlarged(imageSize, states);
  }

  /**
   * `[M, inChannels, …]` to `[M, outChannels, …size]`.
   * @throws ShapeError if images of `size` would not become those of the input by the stride, or the channels do not fit; DTypeError,
   * DeviceError
   */
  override forward(x: Tensor, size: Shape): Tensor {
    this.checkEnlarged(x, size);
    const [count = 0, channels = 0, ...given] = x.shape;
    const images = count * channels;
    const apart = [images, ...given.flatMap((n) => [n, 1])];
    const repeated = [images, ...given.flatMap((n, axis) => [n, this.stride[axis] ?? 1])];
    const whole = given.map((n, axis) => n * (this.stride[axis] ?? 1));
    let y = x
      .reshape(apart)
      .expand(repeated)
      .reshape([count, channels, ...whole]);
    for (const [axis, n] of size.entries()) if (n !== whole[axis]) y = y.narrow(axis + 2, 0, n);
    return this.activation(convolve(this.spatialDims, y, this.weight, this.bias, { padding: "same" }));
  }
}
