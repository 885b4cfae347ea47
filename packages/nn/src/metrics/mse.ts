import type { Tensor } from "@squall/tensor";
import { mse as squaredError } from "../loss/mse.ts";
import { checkNames } from "../optionNames.ts";
import { type FrameOptions, frameAxes, frameMetric, frameNames } from "./frames.ts";

/**
 * Squared error of a frame, `Σ(forecast - target)²` **added up** over its channels and pixels: the MSE of OpenSTL's tables, `H·W·C` times
 * that of most others. In the unit of the values, squared.
 * @param forecast - frames `[…, C, H, W]`
 * @param target - the same shape
 * @returns the mean over frames (shape `[]`), or one number per frame for `reduction: "none"`; without gradient. The mean of no frames is NaN.
 * @throws ShapeError if the shapes differ or have fewer than three axes; ArgumentError if an option is unknown or the reduction is none of the two;
 * DTypeError, DeviceError
 */
export function mse(forecast: Tensor, target: Tensor, options: FrameOptions = {}): Tensor {
  checkNames("mse", options, frameNames);
  return frameMetric("mse", forecast, target, options, () =>
    squaredError(forecast, target, { reduction: "none" }).sum(frameAxes),
  );
}
