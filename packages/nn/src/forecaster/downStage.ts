import type { Shape } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { convolve } from "../recurrent/gateConv.ts";
import { ConvStage, type ConvStageOptions } from "./convStage.ts";

/**
 * Makes images smaller before a recurrent layer: a convolution with a stride and the padding `"same"`, then an activation (Shi et al. 2017,
 * section 3.3). Sizes become `ceil(size / stride)`.
 */
export class DownStage extends ConvStage {
  /** @throws ArgumentError if an option is out of range */
  constructor(options: ConvStageOptions) {
    super("DownStage", options, false);
  }

  /** `ceil(size / stride)`, per axis. */
  override sizeOf(imageSize: Shape): number[] {
    return this.reduced(imageSize);
  }

  /** `[M, inChannels, …]` to `[M, outChannels, …ceil(size / stride)]`. @throws ShapeError if the channels do not fit; DTypeError, DeviceError */
  override forward(x: Tensor): Tensor {
    const options = { stride: this.stride, padding: "same" } as const;
    return this.activation(convolve(this.spatialDims, x, this.weight, this.bias, options));
  }
}
