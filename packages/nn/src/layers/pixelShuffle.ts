import type { Tensor } from "@squall/tensor";
import { checkWhole } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link PixelShuffle}. */
export interface PixelShuffleOptions {
  /** Factor r by which height and width grow. */
  readonly upscaleFactor: number;
}

const names: Names<PixelShuffleOptions> = { upscaleFactor: true };

/** Depth to space: `[…, C·r², H, W]` to `[…, C, H·r, W·r]`; PyTorch's `PixelShuffle` (Shi et al. 2016). */
export class PixelShuffle extends Module {
  /** Factor r. */
  readonly upscaleFactor: number;

  /** @throws ArgumentError if an option is unknown or the factor is not a whole number >= 1 */
  constructor(options: PixelShuffleOptions) {
    super();
    checkNames("PixelShuffle", options, names);
    const { upscaleFactor } = options;
    checkWhole("PixelShuffle", "upscaleFactor", upscaleFactor, 1);
    this.upscaleFactor = upscaleFactor;
  }

  /** `[…, C·r², H, W]` to `[…, C, H·r, W·r]`. @throws ShapeError if the channels are not divisible by r² */
  forward(x: Tensor): Tensor {
    return x.pixelShuffle(this.upscaleFactor);
  }
}
