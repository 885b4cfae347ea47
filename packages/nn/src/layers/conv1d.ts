import { conv1d, type Tensor } from "@squall/tensor";
import { ConvNd, type ConvNdOptions } from "./convNd.ts";

/** Convolution over one axis with learned weight and bias: `[N, C, L]` to `[N, O, outL]`. Initial values as in PyTorch. */
export class Conv1d extends ConvNd {
  /**
   * @throws ArgumentError if an option is unknown, a size is not a whole number in range, `groups` does not divide both channel counts, or an
   * option does not have one value per axis
   */
  constructor(options: ConvNdOptions) {
    super("Conv1d", 1, options);
  }

  /** `[N, C, L]` to `[N, O, outL]`. @throws ShapeError if the input does not fit; DTypeError, DeviceError */
  override forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this);
  }
}
