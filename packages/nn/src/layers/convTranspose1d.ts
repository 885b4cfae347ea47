import { convTranspose1d, type Tensor } from "@squall/tensor";
import { ConvTransposeNd, type ConvTransposeNdOptions } from "./convTransposeNd.ts";

/**
 * Transposed convolution over one axis with learned weight and bias: `[N, C, L]` to `[N, O, outL]`, per axis
 * `(size - 1)·stride - 2·padding + dilation·(k - 1) + outputPadding + 1`. Initial values as in PyTorch.
 */
export class ConvTranspose1d extends ConvTransposeNd {
  /**
   * @throws ArgumentError if an option is unknown, a size is not a whole number in range, `groups` does not divide both channel counts, an option
   * does not have one value per axis, or `outputPadding` is not less than stride or dilation
   */
  constructor(options: ConvTransposeNdOptions) {
    super("ConvTranspose1d", 1, options);
  }

  /** `[N, C, L]` to `[N, O, outL]`. @throws ShapeError if the input does not fit; DTypeError, DeviceError */
  override forward(x: Tensor): Tensor {
    return convTranspose1d(x, this.weight, this.bias, this);
  }
}
