import type { Tensor } from "@squall/tensor";
import { checkNames } from "../optionNames.ts";
import { type FrameOptions, frameAxes, frameMetric, frameNames } from "./frames.ts";

/**
 * Correlation of a forecast frame P with the true frame T, `ΣPT / √(ΣP²·ΣT² + 10⁻⁹)` over its channels and pixels (Shi et al. 2015):
 * 1 for frames that are equal up to a positive factor. Means are not subtracted. 0, not NaN, if a frame is 0 everywhere.
 * @param forecast - frames `[…, C, H, W]`, in any unit that is 0 where there is nothing: rain rates, brightness
 * @param target - the same shape
 * @returns the mean over frames (shape `[]`), or one number per frame for `reduction: "none"`; without gradient. The mean of no frames is NaN.
 * @throws ShapeError if the shapes differ or have fewer than three axes; ArgumentError if an option is unknown or the reduction is none of the two;
 * DTypeError, DeviceError
 */
export function correlation(forecast: Tensor, target: Tensor, options: FrameOptions = {}): Tensor {
  checkNames("correlation", options, frameNames);
  return frameMetric("correlation", forecast, target, options, () => {
    const total = (products: Tensor): Tensor => products.sum(frameAxes);
    const squares = total(forecast.square()).mul(total(target.square()));
    return total(forecast.mul(target)).div(squares.add(1e-9).sqrt());
  });
}
