import type { Tensor } from "@squall/tensor";
import { mse } from "../loss/mse.ts";
import { checkNames } from "../optionNames.ts";
import { type FrameOptions, frameAxes, frameNames, pooledMetric } from "./frames.ts";

/**
 * Signal-to-noise ratio in decibels, `10·log₁₀(Σ target² / Σ(forecast - target)²)`: the SNR of OpenSTL. Higher is better; 0 for a forecast of nothing
 * but 0. Infinity where forecast and target are equal, but NaN where both are 0 everywhere; -Infinity where only the target is.
 * @param forecast - frames `[…, C, H, W]`
 * @param target - the same shape
 * @returns the decibels of all frames together (shape `[]`), with both sums over all of them, not the mean of the frames' decibels; or those of
 * each frame for `reduction: "none"`; without gradient. That of no frames is NaN.
 * @throws ShapeError if the shapes differ or have fewer than three axes; ArgumentError if an option is unknown or the reduction is none of the two;
 * DTypeError, DeviceError
 */
export function snr(forecast: Tensor, target: Tensor, options: FrameOptions = {}): Tensor {
  checkNames("snr", options, frameNames);
  return pooledMetric("snr", forecast, target, options, (pool) => {
    const signal = pool(target.square().mean(frameAxes));
    const noise = pool(mse(forecast, target, { reduction: "none" }).mean(frameAxes));
    return signal
      .div(noise)
      .log()
      .mul(10 / Math.LN10);
  });
}
