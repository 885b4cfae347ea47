import type { Shape } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";

/** What may stand before a recurrent layer: it sees every frame by itself, as a batch of images. */
export abstract class FrameStage extends Module {
  /** Channels of the images that it takes. */
  abstract readonly inChannels: number;
  /** Channels of the images that it makes. */
  abstract readonly outChannels: number;

  /**
   * Spatial sizes of what it makes of images.
   * @param imageSize - their spatial sizes
   * @param states - spatial sizes of the states that it leads to, where they are known: a stage that makes images larger goes by those
   */
  abstract sizeOf(imageSize: Shape, states?: Shape): number[];

  /**
   * @param x - images `[M, inChannels, …]`
   * @param size - spatial sizes that the result must have
   * @returns `[M, outChannels, …size]`
   */
  abstract forward(x: Tensor, size: Shape): Tensor;
}
