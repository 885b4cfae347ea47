import { conv2d, type Tensor } from "@squall/tensor";
import { ConvNd, type ConvNdOptions } from "./convNd.ts";

/** Convolution over two axes with learned weight and bias: `[N, C, H, W]` to `[N, O, outH, outW]`. Initial values as in PyTorch. */
export class Conv2d extends ConvNd {
  /**
   * @throws ArgumentError if an option is unknown, a size is not a whole number in range, `groups` does not divide both channel counts, or an
   * option does not have one value per axis
   */
  constructor(options: ConvNdOptions) {
    super("Conv2d", 2, options);
  }

  /** `[N, C, H, W]` to `[N, O, outH, outW]`. @throws ShapeError if the input does not fit; DTypeError, DeviceError */
  override forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this);
  }
}
