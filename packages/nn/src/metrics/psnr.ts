import type { Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { mse } from "../loss/mse.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { type FrameOptions, frameAxes, frameMetric, frameNames } from "./frames.ts";

/** Options of {@link psnr}. */
export interface PsnrOptions extends FrameOptions {
  /** The distance between the smallest and the largest value that a pixel can have: 255 for bytes. Above 0; default 1. */
  readonly dataRange?: number;
}

const names: Names<PsnrOptions> = { ...frameNames, dataRange: true };

/** The data range of options. @throws ArgumentError unless it is a finite number above 0 */
export function checkDataRange(op: string, { dataRange = 1 }: PsnrOptions): number {
  checkNumber(op, "dataRange", dataRange, "a finite number > 0", (n) => n > 0);
  return dataRange;
}

/**
 * Peak signal-to-noise ratio in decibels, `10·log₁₀(dataRange² / MSE)`, with the mean squared error over the channels and pixels of a frame; higher is better.
 * Infinity where forecast and target are equal, and so is the mean over frames then.
 * @param forecast - frames `[…, C, H, W]`
 * @param target - the same shape
 * @returns the mean of the frames' decibels (shape `[]`), or those of each frame for `reduction: "none"`; without gradient. The mean of no
 * frames is NaN.
 * @throws ShapeError if the shapes differ or have fewer than three axes; ArgumentError if an option is unknown or out of range; DTypeError,
 * DeviceError
 */
export function psnr(forecast: Tensor, target: Tensor, options: PsnrOptions = {}): Tensor {
  checkNames("psnr", options, names);
  const dataRange = checkDataRange("psnr", options);
  return frameMetric("psnr", forecast, target, options, () => {
    const errors = mse(forecast, target, { reduction: "none" }).mean(frameAxes);
    return errors
      .div(dataRange ** 2)
      .log()
      .mul(-10 / Math.LN10);
  });
}
