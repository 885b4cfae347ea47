import { ArgumentError, formatShape, ShapeError } from "@squall/device";
import type { Tensor } from "../tensor.ts";
import { sizeAt } from "./axes.ts";

function checkFactor(op: string, x: Tensor, factor: number): void {
  if (!Number.isSafeInteger(factor) || factor < 1)
    throw new ArgumentError(op, `the factor must be a whole number >= 1, got ${factor}`, { got: factor });
  if (x.rank < 3)
    throw new ShapeError(op, `needs a shape […, C, H, W], got ${formatShape(x.shape)}`, { expected: 3, got: x.rank });
}

/**
 * Space to depth: each `factor` by `factor` patch becomes channels, `[…, C, H, W]` to `[…, C·factor², H/factor, W/factor]`.
 * Channel order as PyTorch's `pixel_unshuffle`: c, then row in the patch, then column.
 * @throws ShapeError if H or W is not divisible by the factor; ArgumentError if that is not a whole number >= 1
 */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  checkFactor("pixelUnshuffle", x, factor);
  const outer = x.shape.slice(0, -3);
  const [c, h, w] = [sizeAt(x.shape, x.rank - 3), sizeAt(x.shape, x.rank - 2), sizeAt(x.shape, x.rank - 1)];
  if (h % factor !== 0 || w % factor !== 0) {
    throw new ShapeError(
      "pixelUnshuffle",
      `height ${h} and width ${w} must be divisible by ${factor} (shape ${formatShape(x.shape)}); pad or crop first`,
      {
        expected: factor,
        got: [h, w],
      },
    );
  }
  return x
    .reshape([-1, c, h / factor, factor, w / factor, factor])
    .permute([0, 1, 3, 5, 2, 4])
    .reshape([...outer, c * factor * factor, h / factor, w / factor]);
}

/**
 * Depth to space, the inverse of {@link pixelUnshuffle}: `[…, C·factor², H, W]` to `[…, C, H·factor, W·factor]`.
 * @throws ShapeError if the channels are not divisible by factor²; ArgumentError if the factor is not a whole number >= 1
 */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  checkFactor("pixelShuffle", x, factor);
  const outer = x.shape.slice(0, -3);
  const [c, h, w] = [sizeAt(x.shape, x.rank - 3), sizeAt(x.shape, x.rank - 2), sizeAt(x.shape, x.rank - 1)];
  const area = factor * factor;
  if (c % area !== 0) {
    throw new ShapeError(
      "pixelShuffle",
      `${c} channels must be divisible by ${factor}² = ${area} (shape ${formatShape(x.shape)})`,
      {
        expected: area,
        got: c,
      },
    );
  }
  return x
    .reshape([-1, c / area, factor, factor, h, w])
    .permute([0, 1, 4, 2, 5, 3])
    .reshape([...outer, c / area, h * factor, w * factor]);
}
