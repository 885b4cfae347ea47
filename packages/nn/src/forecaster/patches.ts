import { ArgumentError, formatShape, type PerAxis, type Shape, ShapeError, sizeOf } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkChoice, wholePerAxis } from "../arguments.ts";
import type { SpatialDims } from "../recurrent/options.ts";

/**
 * Cuts images into patches, whose positions become channels, and puts them together again (Shi et al. 2015, section 4.1): over two axes with
 * equal sizes what `pixelUnshuffle` and `pixelShuffle` do, over one to three axes of any sizes. The order of channels is theirs: channel,
 * then position in the patch.
 */
export class Patches {
  /** Size of a patch, per axis. */
  readonly size: readonly number[];
  /** Positions in a patch. */
  readonly area: number;
  private readonly op: string;
  private readonly pads: boolean;

  /** @throws ArgumentError if an option is out of range */
  constructor(op: string, size: PerAxis, padding: "error" | "zeros", dims: SpatialDims) {
    this.op = op;
    this.size = wholePerAxis(op, "patchSize", size, dims, 1);
    this.area = sizeOf(this.size);
    checkChoice(op, "patchPadding", padding, ["error", "zeros"]);
    this.pads = padding === "zeros";
    if (this.pads && this.area === 1) {
      throw new ArgumentError(op, "patchPadding does nothing without patchSize; set that too, or leave it out", {
        expected: "patchSize",
        got: "patchPadding",
      });
    }
  }

  /** Patches along each axis. @throws ShapeError if a size is not a multiple of the patch's and there is no padding */
  gridOf(imageSize: Shape): number[] {
    return imageSize.map((n, axis) => {
      const patch = this.size[axis] ?? 1;
      if (n % patch !== 0 && !this.pads) {
        throw new ShapeError(
          this.op,
          `images of ${formatShape(imageSize)} cannot be cut into patches of ${formatShape(this.size)}: ${n} is not a multiple of ${patch} (spatial axis ${axis}); pad or crop them, or build the model with patchPadding: "zeros"`,
          { expected: patch, got: n },
        );
      }
      return Math.ceil(n / patch);
    });
  }

  /** Zeros behind the last pixel, per axis. */
  private excess(imageSize: Shape): number[] {
    return this.gridOf(imageSize).map((n, axis) => n * (this.size[axis] ?? 1) - (imageSize[axis] ?? 0));
  }

  /** `[…outer, C, …size]` to `[…outer, C·area, …grid]`. @throws ShapeError as {@link gridOf} */
  cut(x: Tensor): Tensor {
    if (this.area === 1) return x;
    const dims = this.size.length;
    const [outer, imageSize] = [x.shape.slice(0, -dims - 1), x.shape.slice(-dims)];
    const channels = x.shape.at(-dims - 1) ?? 0;
    const grid = this.gridOf(imageSize);
    const excess = this.excess(imageSize);
    const whole = excess.some((n) => n > 0) ? x.pad(excess.map((n) => [0, n])) : x;
    const axes = this.size.map((_, axis) => 2 * axis);
    return whole
      .reshape([sizeOf(outer) * channels, ...grid.flatMap((n, axis) => [n, this.size[axis] ?? 1])])
      .permute([0, ...axes.map((axis) => axis + 2), ...axes.map((axis) => axis + 1)])
      .reshape([...outer, channels * this.area, ...grid]);
  }

  /** The inverse of {@link cut}: `[…outer, C·area, …grid]` to `[…outer, C, …imageSize]`. */
  join(x: Tensor, imageSize: Shape): Tensor {
    if (this.area === 1) return x;
    const dims = this.size.length;
    const [outer, grid] = [x.shape.slice(0, -dims - 1), x.shape.slice(-dims)];
    const channels = (x.shape.at(-dims - 1) ?? 0) / this.area;
    const whole = x
      .reshape([sizeOf(outer) * channels, ...this.size, ...grid])
      .permute([0, ...this.size.flatMap((_, axis) => [axis + 1 + dims, axis + 1])])
      .reshape([...outer, channels, ...grid.map((n, axis) => n * (this.size[axis] ?? 1))]);
    return this.excess(imageSize).reduce(
      (y, n, axis) => (n === 0 ? y : y.narrow(outer.length + 1 + axis, 0, imageSize[axis] ?? 0)),
      whole,
    );
  }

  /** Patches with zeros where they reach beyond the image, as {@link cut} makes them. */
  clean(x: Tensor, imageSize: Shape): Tensor {
    return this.excess(imageSize).some((n) => n > 0) ? this.cut(this.join(x, imageSize)) : x;
  }
}
