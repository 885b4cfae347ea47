import { convTranspose3d, type Tensor } from "@squall/tensor";
import { ConvTransposeNd, type ConvTransposeNdOptions } from "./convTransposeNd.ts";

/**
 * Transposed convolution over three axes with learned weight and bias: `[N, C, D, H, W]` to `[N, O, outD, outH, outW]`, per axis
 * `(size - 1)·stride - 2·padding + dilation·(k - 1) + outputPadding + 1`. Initial values as in PyTorch.
 */
export class ConvTranspose3d extends ConvTransposeNd {
  /**
   * @throws ArgumentError if an option is unknown, a size is not a whole number in range, `groups` does not divide both channel counts, an option
   * does not have one value per axis, or `outputPadding` is not less than stride or dilation
   */
  constructor(options: ConvTransposeNdOptions) {
    super("ConvTranspose3d", 3, options);
  }

  /** `[N, C, D, H, W]` to `[N, O, outD, outH, outW]`. @throws ShapeError if the input does not fit; DTypeError, DeviceError */
  override forward(x: Tensor): Tensor {
    return convTranspose3d(x, this.weight, this.bias, this);
  }
}
