import type { Tensor } from "@squall/tensor";
import { checkWhole } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link PixelUnshuffle}. */
export interface PixelUnshuffleOptions {
  /** Factor r by which height and width shrink. */
  readonly downscaleFactor: number;
}

const names: Names<PixelUnshuffleOptions> = { downscaleFactor: true };

/** Space to depth, the inverse of {@link PixelShuffle}: `[…, C, H·r, W·r]` to `[…, C·r², H, W]`. */
export class PixelUnshuffle extends Module {
  /** Factor r. */
  readonly downscaleFactor: number;

  /** @throws ArgumentError if an option is unknown or the factor is not a whole number >= 1 */
  constructor(options: PixelUnshuffleOptions) {
    super();
    checkNames("PixelUnshuffle", options, names);
    const { downscaleFactor } = options;
    checkWhole("PixelUnshuffle", "downscaleFactor", downscaleFactor, 1);
    this.downscaleFactor = downscaleFactor;
  }

  /** `[…, C, H·r, W·r]` to `[…, C·r², H, W]`. @throws ShapeError if height or width is not divisible by r */
  forward(x: Tensor): Tensor {
    return x.pixelUnshuffle(this.downscaleFactor);
  }
}
