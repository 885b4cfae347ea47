import { conv3d, type Tensor } from "@squall/tensor";
import { ConvNd, type ConvNdOptions } from "./convNd.ts";

/** Convolution over three axes with learned weight and bias: `[N, C, D, H, W]` to `[N, O, outD, outH, outW]`. Initial values as in PyTorch. */
export class Conv3d extends ConvNd {
  /**
   * @throws ArgumentError if an option is unknown, a size is not a whole number in range, `groups` does not divide both channel counts, or an
   * option does not have one value per axis
   */
  constructor(options: ConvNdOptions) {
    super("Conv3d", 3, options);
  }

  /** `[N, C, D, H, W]` to `[N, O, outD, outH, outW]`. @throws ShapeError if the input does not fit; DTypeError, DeviceError */
  override forward(x: Tensor): Tensor {
    return conv3d(x, this.weight, this.bias, this);
  }
}
