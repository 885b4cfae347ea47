import type { FrameStage } from "../recurrent/frameStage.ts";
import { RecurrentLayer } from "../recurrent/layer.ts";
import type { LayerOptionsOf } from "../recurrent/options.ts";
import { cellOptions } from "../recurrent/resolveOptions.ts";
import { ConvLSTMCell, type ConvLSTMCellOptions, convLSTMCellNames } from "./cell.ts";
import type { LSTMState } from "./gates.ts";

/** Options of {@link ConvLSTM}. */
export interface ConvLSTMOptions extends LayerOptionsOf<ConvLSTMCellOptions> {}

/**
 * Several ConvLSTM layers over a sequence of images (Shi et al. 2015). The cell's equations stand at {@link ConvLSTMCell}.
 *
 * ```ts
 * const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [16, 8], kernelSize: 3, batchFirst: true });
 * const [[hidden], [last]] = model.forward(x);   // x [N, T, 1, H, W], hidden [N, T, 8, H, W], last { h, c } of [N, 8, H, W]
 * ```
 *
 * A whole sequence is one operation with gradients of its own, which a device may do at once, unless an option asks for what devices have
 * no kernels for: other activations, norms, dropout of the state, zoneout, grouped state convolutions, the peephole `"conv"`. Then it goes
 * step by step.
 */
export class ConvLSTM extends RecurrentLayer<LSTMState, ConvLSTMCell> {
  /**
   * @param stages - what every frame goes through before each layer, such as convolutions that make images smaller
   * @throws ArgumentError if an option is out of range or lists do not fit the number of layers; ShapeError if a kernel does not fit
   */
  constructor(options: ConvLSTMOptions, stages?: readonly FrameStage[]) {
    super(
      { op: "ConvLSTM", cellNames: convLSTMCellNames },
      options,
      (plan, layer) => new ConvLSTMCell(cellOptions(options, layer, plan)),
      stages,
    );
  }
}
