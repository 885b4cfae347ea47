import type { FrameStage } from "../recurrent/frameStage.ts";
import { RecurrentLayer } from "../recurrent/layer.ts";
import type { LayerOptionsOf } from "../recurrent/options.ts";
import { cellOptions } from "../recurrent/resolveOptions.ts";
import { ConvGRUCell, type ConvGRUCellOptions, convGRUCellNames, type GRUState } from "./cell.ts";

/** Options of {@link ConvGRU}. */
export interface ConvGRUOptions extends LayerOptionsOf<ConvGRUCellOptions> {}

/**
 * Several convolutional GRU layers over a sequence of images (Ballas et al. 2016). The cell's equations stand at {@link ConvGRUCell}.
 *
 * ```ts
 * const model = new ConvGRU({ inputChannels: 1, hiddenChannels: [16, 8], kernelSize: 3, batchFirst: true });
 * const [[hidden], [last]] = model.forward(x);   // x [N, T, 1, H, W], hidden [N, T, 8, H, W], last { h } of [N, 8, H, W]
 * ```
 *
 * The input-to-state convolution of a layer is one call for all steps; the rest goes step by step.
 */
export class ConvGRU extends RecurrentLayer<GRUState, ConvGRUCell> {
  /**
   * @param stages - what every frame goes through before each layer, such as convolutions that make images smaller
   * @throws ArgumentError if an option is out of range or lists do not fit the number of layers; ShapeError if a kernel does not fit
   */
  constructor(options: ConvGRUOptions, stages?: readonly FrameStage[]) {
    super(
      { op: "ConvGRU", cellNames: convGRUCellNames },
      options,
      (plan, layer) => new ConvGRUCell(cellOptions(options, layer, plan)),
      stages,
    );
  }
}
