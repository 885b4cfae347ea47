import { convGeometry, type Shape } from "@squall/device";
import { convInputOp, type Tensor } from "@squall/tensor";
import { ConvStage, type ConvStageOptions } from "./convStage.ts";

/**
 * Makes images larger: the mirror of a {@link DownStage}, a transposed convolution, then an activation (Shi et al. 2017, section 3.3).
 *
 * It is the gradient of the very convolution that goes from the larger size to the smaller one, so every size is met exactly, one that the
 * stride does not divide too: what 7 or 8 pixels become 4 by, makes 7 or 8 of 4 again.
 */
export class UpStage extends ConvStage {
  /** @throws ArgumentError if an option is out of range */
  constructor(options: ConvStageOptions) {
    super("UpStage", options, true);
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
    const options = { stride: this.stride, padding: "same" } as const;
    const geometry = convGeometry(this.op, [x.shape[0] ?? 0, this.outChannels, ...size], this.weight.shape, options);
    const y = convInputOp([x, this.weight], geometry);
    const ones = size.map(() => 1);
    return this.activation(this.bias === undefined ? y : y.add(this.bias.reshape([this.outChannels, ...ones])));
  }
}
