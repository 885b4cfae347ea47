import type { Tensor } from "@squall/tensor";
import { mse } from "../loss/mse.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { type RainfallOptions, rainfallNames, rainfallOf } from "./dBZToRainfall.ts";
import { type FrameOptions, frameAxes, frameMetric, frameNames } from "./frames.ts";

/** Options of {@link rainfallMse}. */
export interface RainfallMseOptions extends FrameOptions, RainfallOptions {}

const names: Names<RainfallMseOptions> = { ...frameNames, ...rainfallNames };

/**
 * Mean squared error of rain rates in (mm/h)², per pixel: both sides go through {@link dBZToRainfall} first. The Rainfall-MSE of Shi et al. 2015.
 * @param forecast - reflectivities in dBZ, frames `[…, C, H, W]`
 * @param target - the same shape
 * @returns the mean over frames (shape `[]`), or one number per frame for `reduction: "none"`; without gradient. The mean of no frames is NaN.
 * @throws ShapeError if the shapes differ or have fewer than three axes; ArgumentError if an option is unknown or out of range; DTypeError,
 * DeviceError
 */
export function rainfallMse(forecast: Tensor, target: Tensor, options: RainfallMseOptions = {}): Tensor {
  checkNames("rainfallMse", options, names);
  const op = "rainfallMse";
  return frameMetric(op, forecast, target, options, () =>
    mse(rainfallOf(op, forecast, options), rainfallOf(op, target, options), { reduction: "none" }).mean(frameAxes),
  );
}
