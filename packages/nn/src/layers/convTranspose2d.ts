import { convTranspose2d, type Tensor } from "@squall/tensor";
import { ConvTransposeNd, type ConvTransposeNdOptions } from "./convTransposeNd.ts";

/**
 * Transposed convolution over two axes with learned weight and bias: `[N, C, H, W]` to `[N, O, outH, outW]`, per axis
 * `(size - 1)·stride - 2·padding + dilation·(k - 1) + outputPadding + 1`. Initial values as in PyTorch.
 */
export class ConvTranspose2d extends ConvTransposeNd {
  /**
   * @throws ArgumentError if an option is unknown, a size is not a whole number in range, `groups` does not divide both channel counts, an option
   * does not have one value per axis, or `outputPadding` is not less than stride or dilation
   */
  constructor(options: ConvTransposeNdOptions) {
    super("ConvTranspose2d", 2, options);
  }

  /** `[N, C, H, W]` to `[N, O, outH, outW]`. @throws ShapeError if the input does not fit; DTypeError, DeviceError */
  override forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this);
  }
}
