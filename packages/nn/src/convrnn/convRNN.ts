import type { FrameStage } from "../recurrent/frameStage.ts";
import { RecurrentLayer } from "../recurrent/layer.ts";
import type { LayerOptionsOf } from "../recurrent/options.ts";
import { cellOptions } from "../recurrent/resolveOptions.ts";
import { ConvRNNCell, type ConvRNNCellOptions, convRNNCellNames, type RNNState } from "./cell.ts";

/** Options of {@link ConvRNN}. */
export interface ConvRNNOptions extends LayerOptionsOf<ConvRNNCellOptions> {}

/**
 * Several convolutional layers without gates over a sequence of images. The cell's equation stands at {@link ConvRNNCell}.
 *
 * ```ts
 * const model = new ConvRNN({ inputChannels: 1, hiddenChannels: [16, 8], kernelSize: 3, batchFirst: true });
 * const [[hidden], [last]] = model.forward(x);   // x [N, T, 1, H, W], hidden [N, T, 8, H, W], last { h } of [N, 8, H, W]
 * ```
 *
 * The input-to-state convolution of a layer is one call for all steps; the rest goes step by step.
 */
export class ConvRNN extends RecurrentLayer<RNNState, ConvRNNCell> {
  /**
   * @param stages - what every frame goes through before each layer, such as convolutions that make images smaller
   * @throws ArgumentError if an option is out of range or lists do not fit the number of layers; ShapeError if a kernel does not fit
   */
  constructor(options: ConvRNNOptions, stages?: readonly FrameStage[]) {
    super(
      { op: "ConvRNN", cellNames: convRNNCellNames },
      options,
      (plan, layer) => new ConvRNNCell(cellOptions(options, layer, plan)),
      stages,
    );
  }
}
