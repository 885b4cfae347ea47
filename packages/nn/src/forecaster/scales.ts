import { ArgumentError } from "@squall/device";
import { checkChoice, checkWhole, wholePerAxis } from "../arguments.ts";
import type { ModuleOptions } from "../module/options.ts";
import type { FrameStage } from "../recurrent/frameStage.ts";
import type { SpatialDims } from "../recurrent/options.ts";
import type { ConvStageOptions } from "./convStage.ts";
import { DownStage } from "./downStage.ts";
import type { StageOptions } from "./options.ts";
import { ResizeStage } from "./resizeStage.ts";
import { StageChain } from "./stageChain.ts";
import { UpStage } from "./upStage.ts";

/** What stands before one layer of the encoder, and its mirror. */
interface Scale {
  readonly down: ConvStageOptions;
  readonly up: ConvStageOptions;
  readonly upsampling: "transposed" | "resize";
}

/** What is known where scales are made. */
export interface ScalesOptions extends ModuleOptions {
  /** Channels of what the first stage takes. */
  readonly frameChannels: number;
  /** Channels of the states, per layer of the encoder. */
  readonly hidden: readonly number[];
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
}

/** The stages of a model whose layers work at several scales: all of them decided here, made by the part that owns them. */
export class Scales {
  private readonly scales: readonly (Scale | undefined)[];
  private readonly frameChannels: number;
  private readonly hidden: readonly number[];

  /** @throws ArgumentError if an option is out of range, or stages do not fit the layers */
  constructor(op: string, stages: readonly (StageOptions | null)[], options: ScalesOptions) {
    const { frameChannels, hidden, ...common } = options;
    if (stages.length !== hidden.length) {
      throw new ArgumentError(
        op,
        `stages has ${stages.length} values for ${hidden.length} layers; write null for layers with none before them`,
        { expected: hidden.length, got: stages.length },
      );
    }
    this.frameChannels = frameChannels;
    this.hidden = hidden;
    this.scales = stages.map((stage, layer) => {
      if (stage === null) return undefined;
      const { channels = hidden[layer] ?? 1, upsampling = "transposed", stride = 2, ...rest } = stage;
      const name = `stages[${layer}]`;
      checkWhole(op, `${name}.channels`, channels, 1);
      checkChoice(op, `${name}.upsampling`, upsampling, ["transposed", "resize"]);
      wholePerAxis(op, `${name}.stride`, stride, common.spatialDims, 1);
      if (rest.kernelSize !== undefined) {
        wholePerAxis(op, `${name}.kernelSize`, rest.kernelSize, common.spatialDims, 1);
      }
      const below = layer === 0 ? undefined : hidden[layer - 1];
      const shared = { ...common, ...rest, stride };
      return {
        down: { ...shared, inChannels: below ?? frameChannels, outChannels: channels },
        up: { ...shared, inChannels: hidden[layer] ?? 1, outChannels: below ?? channels },
        upsampling,
      };
    });
  }

  /** What stands before each of the encoder's layers. */
  encoderStages(): FrameStage[] {
    return this.scales.map((scale, layer) => {
      const channels = layer === 0 ? this.frameChannels : (this.hidden[layer - 1] ?? 1);
      return scale === undefined ? new StageChain(channels) : new DownStage(scale.down);
    });
  }

  /**
   * What stands before each of the forecaster's layers, the deepest first: ways up, and what brings frames down to the first of them.
   * @param readsFrames - whether the first layer has an input
   */
  forecasterStages(readsFrames: boolean): FrameStage[] {
    const ups = this.scales.slice(1).map((_, k) => this.mirror(k + 1));
    return [readsFrames ? this.entry() : new StageChain(0), ...ups.reverse()];
  }

  /** What leads from the forecaster's last layer to the size of frames. */
  lastStage(): FrameStage {
    return this.mirror(0);
  }

  /** As the encoder brings frames down, but from stage to stage, with no layers in between. */
  private entry(): FrameStage {
    const stages: FrameStage[] = [];
    for (const scale of this.scales) {
      if (scale === undefined) continue;
      stages.push(new DownStage({ ...scale.down, inChannels: stages.at(-1)?.outChannels ?? this.frameChannels }));
    }
    return new StageChain(this.frameChannels, stages);
  }

  private mirror(layer: number): FrameStage {
    const scale = this.scales[layer];
    if (scale === undefined) return new StageChain(this.hidden[layer] ?? 1);
    return scale.upsampling === "resize" ? new ResizeStage(scale.up) : new UpStage(scale.up);
  }
}
