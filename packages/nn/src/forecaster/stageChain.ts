import type { Shape } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { ModuleList } from "../module/moduleList.ts";
import { FrameStage } from "../recurrent/frameStage.ts";

/** Stages one after the other; none at all hand images on as they are. */
export class StageChain extends FrameStage {
  override readonly inChannels: number;
  override readonly outChannels: number;
  /** The stages in order. */
  readonly stages: ModuleList<FrameStage>;

  /** @param inChannels - channels of the images that it takes */
  constructor(inChannels: number, stages: readonly FrameStage[] = []) {
    super();
    this.inChannels = inChannels;
    this.outChannels = stages.at(-1)?.outChannels ?? inChannels;
    this.stages = new ModuleList(stages);
  }

  /** What the last of them makes. */
  override sizeOf(imageSize: Shape, states?: Shape): number[] {
    return [...this.stages].reduce<number[]>(
      (size, stage, k) => stage.sizeOf(size, k === this.stages.length - 1 ? states : undefined),
      [...imageSize],
    );
  }

  /** `[M, inChannels, …]` to `[M, outChannels, …size]`. @throws ShapeError if a stage cannot make that of the images */
  override forward(x: Tensor, size: Shape): Tensor {
    return [...this.stages].reduce((y, stage, k) => {
      const isLast = k === this.stages.length - 1;
      return stage.forward(y, isLast ? size : stage.sizeOf(y.shape.slice(2)));
    }, x);
  }
}
