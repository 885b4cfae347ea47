import {
  ArgumentError,
  type ElementwiseFunction,
  expressions as e,
  elementwise,
  formatShape,
  ShapeError,
} from "@squall/device";
import { applyElementwise, cat, conv2d, type Tensor, tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { type FrameOptions, frameAxes, frameMetric, frameNames } from "./frames.ts";
import { checkDataRange } from "./psnr.ts";

/** Options of {@link ssim}. */
export interface SsimOptions extends FrameOptions {
  /** The distance between the smallest and the largest value that a pixel can have: 255 for bytes. Above 0; default 1. */
  readonly dataRange?: number;
  /** Height and width of the window in pixels, an odd whole number. Default 11. */
  readonly windowSize?: number;
  /** Standard deviation of the window's Gaussian in pixels, above 0. Default 1.5. */
  readonly sigma?: number;
}

const names: Names<SsimOptions> = { ...frameNames, dataRange: true, windowSize: true, sigma: true };

/** K₁ and K₂ of the paper. */
const stabilizers = [0.01, 0.03] as const;

const [meanX, meanY] = [e.input(0), e.input(1)];
const product = e.mul(meanX, meanY);
const squares = e.add(e.mul(meanX, meanX), e.mul(meanY, meanY));
const [c1, c2] = [e.scalar(0), e.scalar(1)];

/** Similarity at a pixel, of the windowed means of x, y, x² + y² and x·y. */
const similarity: ElementwiseFunction = elementwise({
  name: "ssim",
  arity: 4,
  value: e.div(
    e.mul(e.add(e.mul(2, product), c1), e.add(e.mul(2, e.sub(e.input(3), product)), c2)),
    e.mul(e.add(squares, c1), e.add(e.sub(e.input(2), squares), c2)),
  ),
  differentiable: false,
});

/** A Gaussian window with the sum 1. */
function gaussian(size: number, sigma: number): Float64Array {
  const weights = Float64Array.from({ length: size }, (_, k) => Math.exp(-(((k - (size - 1) / 2) / sigma) ** 2) / 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

function checkWindow(
  op: string,
  { windowSize = 11, sigma = 1.5 }: SsimOptions,
): Required<Pick<SsimOptions, "windowSize" | "sigma">> {
  if (!Number.isSafeInteger(windowSize) || windowSize < 1 || windowSize % 2 === 0) {
    throw new ArgumentError(op, `windowSize must be an odd whole number, got ${windowSize}`, { got: windowSize });
  }
  checkNumber(op, "sigma", sigma, "a finite number > 0", (n) => n > 0);
  return { windowSize, sigma };
}

/**
 * Structural similarity of images, at most 1, higher is better: `(2μₓμᵧ + C₁)(2σₓᵧ + C₂) / ((μₓ² + μᵧ² + C₁)(σₓ² + σᵧ² + C₂))` with
 * `C₁ = (0.01·dataRange)²`, `C₂ = (0.03·dataRange)²`, means, variances and covariance in a Gaussian window around each pixel whose window
 * lies within the image; averaged over those pixels and over channels (Wang et al. 2004). These are the numbers of scikit-image's
 * `structural_similarity` with `gaussian_weights=True, use_sample_covariance=False`.
 *
 * Variances are differences of means of squares: in float32 an offset many times the data range costs digits.
 * @param forecast - frames `[…, C, H, W]`
 * @param target - the same shape
 * @returns the mean over frames (shape `[]`), or one number per frame for `reduction: "none"`; without gradient. The mean of no frames is NaN.
 * @throws ShapeError if the shapes differ, have fewer than three axes, or the frames are smaller than the window; ArgumentError if an option is
 * unknown or out of range; DTypeError, DeviceError
 */
export function ssim(forecast: Tensor, target: Tensor, options: SsimOptions = {}): Tensor {
  checkNames("ssim", options, names);
  const op = "ssim";
  const dataRange = checkDataRange(op, options);
  const { windowSize, sigma } = checkWindow(op, options);
  return frameMetric(op, forecast, target, options, () => {
    const [channels = 0, height = 0, width = 0] = forecast.shape.slice(-3);
    if (Math.min(height, width) < windowSize) {
      throw new ShapeError(
        op,
        `frames of ${height}x${width} pixels are smaller than the window of ${windowSize}x${windowSize} (shape ${formatShape(forecast.shape)}); give a smaller windowSize`,
        { expected: windowSize, got: [height, width] },
      );
    }
    const leading = forecast.shape.slice(0, -3);
    const images = leading.reduce((count, size) => count * size, channels);
    const [x, y] = [forecast.reshape([images, 1, height, width]), target.reshape([images, 1, height, width])];
    const window = gaussian(windowSize, sigma);
    const { dtype, device } = forecast;
    const down = tensor(window, { dtype, device, shape: [1, 1, windowSize, 1] });
    const across = down.reshape([1, 1, 1, windowSize]);
    // The window is a product of one down and one across; all maps go through it at once.
    const maps = conv2d(conv2d(cat([x, y, x.square().add(y.square()), x.mul(y)]), down), across);
    const constants = stabilizers.map((k) => (k * dataRange) ** 2);
    return applyElementwise(similarity, maps.chunk(4), constants)
      .reshape([...leading, channels, ...maps.shape.slice(-2)])
      .mean(frameAxes);
  });
}
