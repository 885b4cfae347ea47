import { formatShape, ShapeError } from "@squall/device";
import { noGrad, scope, type Tensor } from "@squall/tensor";
import { checkAlike, checkChoice } from "../arguments.ts";
import { checkPair } from "../loss/reduction.ts";

/** Options of every metric of frames. */
export interface FrameOptions {
  /** `"mean"` (default): the mean over all frames, a number. `"none"`: one number per frame, in the shape of the axes before `[C, H, W]`. */
  readonly reduction?: "mean" | "none";
}

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

/**
 * A metric of frames: one number for each, reduced.
 * @throws as {@link checkForecast}; ShapeError unless there are three axes; ArgumentError unless the reduction is one
 */
export function frameMetric(
  op: string,
  forecast: Tensor,
  target: Tensor,
  { reduction = "mean" }: FrameOptions,
  perFrame: () => Tensor,
): Tensor {
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
  return measure(() => (reduction === "none" ? perFrame() : perFrame().mean()));
}
