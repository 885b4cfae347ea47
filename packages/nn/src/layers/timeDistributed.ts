import { formatShape, ShapeError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Module, type TensorModule } from "../module/module.ts";

/**
 * Applies a module to every frame of a sequence by itself, as one batch: a convolution before or after recurrent layers, say. Keras's
 * `TimeDistributed`.
 *
 * ```ts
 * const head = new TimeDistributed(new Conv2d({ inChannels: 8, outChannels: 1, kernelSize: 1 }));
 * const frames = head.forward(hidden);   // [T, N, 8, H, W] to [T, N, 1, H, W], or [N, T, …] likewise
 * ```
 */
export class TimeDistributed extends Module {
  /** What is applied to `[T·N, …]`. */
  readonly layer: TensorModule;

  /** @param layer - a module from one batch of images to another */
  constructor(layer: TensorModule) {
    super();
    this.layer = layer;
  }

  /** `[T, N, …]` or `[N, T, …]`, the first two axes kept. @throws ShapeError if there are fewer than three axes, or the batch changes; what the module throws */
  forward(x: Tensor): Tensor {
    const [first = 0, second = 0, ...frame] = x.shape;
    if (x.rank < 3) {
      throw new ShapeError("TimeDistributed", `needs at least three axes [T,N,…], got ${formatShape(x.shape)}`, {
        expected: 3,
        got: x.rank,
      });
    }
    const y = this.layer.forward(x.reshape([first * second, ...frame]));
    if (y.shape[0] !== first * second) {
      throw new ShapeError(
        "TimeDistributed",
        `the module must keep the batch of ${first * second} frames, but made ${formatShape(y.shape)}`,
        { expected: first * second, got: y.shape[0] },
      );
    }
    return y.reshape([first, second, ...y.shape.slice(1)]);
  }
}
