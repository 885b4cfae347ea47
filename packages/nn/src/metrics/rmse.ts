import type { Tensor } from "@squall/tensor";
import { mse as squaredError } from "../loss/mse.ts";
import { checkNames } from "../optionNames.ts";
import { type FrameOptions, frameAxes, frameNames, pooledMetric } from "./frames.ts";

/**
 * Root of the squared error of a frame, `√Σ(forecast - target)²`, **added up** over its channels and pixels like {@link mse}: the RMSE of OpenSTL,
 * `√(H·W·C)` times that of most others. In the unit of the values.
 * @param forecast - frames `[…, C, H, W]`
 * @param target - the same shape
 * @returns the root of the mean over frames (shape `[]`), which is `√mse`, not the mean of the frames' roots; or the root of each frame for
 * `reduction: "none"`; without gradient. That of no frames is NaN.
 * @throws ShapeError if the shapes differ or have fewer than three axes; ArgumentError if an option is unknown or the reduction is none of the two;
 * DTypeError, DeviceError
 */
export function rmse(forecast: Tensor, target: Tensor, options: FrameOptions = {}): Tensor {
  checkNames("rmse", options, frameNames);
  return pooledMetric("rmse", forecast, target, options, (pool) =>
    pool(squaredError(forecast, target, { reduction: "none" }).sum(frameAxes)).sqrt(),
  );
}
