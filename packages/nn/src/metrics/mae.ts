import type { Tensor } from "@squall/tensor";
import { l1 as absoluteError } from "../loss/l1.ts";
import { checkNames } from "../optionNames.ts";
import { type FrameOptions, frameAxes, frameMetric, frameNames } from "./frames.ts";

/**
 * Absolute error of a frame, `Σ|forecast - target|` **added up** over its channels and pixels: the MAE of OpenSTL's tables, `H·W·C` times
 * that of most others. In the unit of the values.
 * @param forecast - frames `[…, C, H, W]`
 * @param target - the same shape
 * @returns the mean over frames (shape `[]`), or one number per frame for `reduction: "none"`; without gradient. The mean of no frames is NaN.
 * @throws ShapeError if the shapes differ or have fewer than three axes; ArgumentError if an option is unknown or the reduction is none of the two;
 * DTypeError, DeviceError
 */
export function mae(forecast: Tensor, target: Tensor, options: FrameOptions = {}): Tensor {
  checkNames("mae", options, frameNames);
  return frameMetric("mae", forecast, target, options, () =>
    absoluteError(forecast, target, { reduction: "none" }).sum(frameAxes),
  );
}
