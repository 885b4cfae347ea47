import { formatShape, ShapeError } from "@squall/device";
import { noGrad, scope, type Tensor } from "@squall/tensor";
import { checkAlike, checkChoice } from "../arguments.ts";
import { checkPair } from "../loss/reduction.ts";
import type { Names } from "../optionNames.ts";

/** Options of every metric of frames. */
export interface FrameOptions {
  /** `"mean"` (default): the mean over all frames, a number. `"none"`: one number per frame, in the shape of the axes before `[C, H, W]`. */
  readonly reduction?: "mean" | "none";
}

/** Names of the options of every metric of frames. */
export const frameNames: Names<FrameOptions> = { reduction: true };

/** The axes of one frame, `[C, H, W]`. */
export const frameAxes: readonly number[] = [-3, -2, -1];

/** @throws ArgumentError unless both are tensors; ShapeError unless they have one shape; DTypeError, DeviceError unless they are alike in these */
export function checkForecast(op: string, forecast: Tensor, target: Tensor): void {
  checkPair(op, forecast, target, "forecast");
  checkAlike(op, ["forecast", forecast], ["target", target]);
}

/** What `fn` makes of its tensors, without a graph and with nothing left of what it made on its way. */
export function measure<R>(fn: () => R): R {
  return scope(() => noGrad(fn));
}

/** @throws as {@link checkForecast}; ShapeError unless there are three axes; ArgumentError unless the reduction is one */
function checkFrames(
  op: string,
  forecast: Tensor,
  target: Tensor,
  { reduction = "mean" }: FrameOptions,
): "mean" | "none" {
  checkChoice(op, "reduction", reduction, ["mean", "none"]);
  checkForecast(op, forecast, target);
  if (forecast.rank < 3) {
    throw new ShapeError(
      op,
      `needs frames […, C, H, W], got shape ${formatShape(forecast.shape)}; add the axis of channels`,
      {
        expected: 3,
        got: forecast.rank,
      },
    );
  }
  return reduction;
}

/**
 * A metric of frames: one number for each, reduced.
 * @throws as {@link checkFrames}
 */
export function frameMetric(
  op: string,
  forecast: Tensor,
  target: Tensor,
  options: FrameOptions,
  perFrame: () => Tensor,
): Tensor {
  const reduction = checkFrames(op, forecast, target, options);
  return measure(() => (reduction === "none" ? perFrame() : perFrame().mean()));
}

/**
 * A metric that is a function of means over frames, not a mean itself: `of` passes what it makes per frame through `pool`, which is the mean over
 * all frames, or nothing for `reduction: "none"`.
 * @throws as {@link checkFrames}
 */
export function pooledMetric(
  op: string,
  forecast: Tensor,
  target: Tensor,
  options: FrameOptions,
  of: (pool: (perFrame: Tensor) => Tensor) => Tensor,
): Tensor {
  const reduction = checkFrames(op, forecast, target, options);
  return measure(() => of((perFrame) => (reduction === "none" ? perFrame : perFrame.mean())));
}
