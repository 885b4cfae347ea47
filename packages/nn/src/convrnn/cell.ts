import { ArgumentError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkNames, type Names } from "../optionNames.ts";
import { RecurrentCell } from "../recurrent/cell.ts";
import { cellNames } from "../recurrent/names.ts";
import type { SequenceMasks } from "../recurrent/noise.ts";
import type { RecurrentCellOptions } from "../recurrent/options.ts";

/** State of a ConvRNN layer. */
export interface RNNState {
  /** Hidden state, `[N, H, …]`. */
  readonly h: Tensor;
}

/** Options of one {@link ConvRNNCell}. */
export interface ConvRNNCellOptions extends RecurrentCellOptions {
  /** None: there are no gates to squash. `activation` is what squashes the state. */
  readonly recurrentActivation?: never;
}

/** Names of the options of {@link ConvRNNCell}. */
export const convRNNCellNames: Names<ConvRNNCellOptions> = cellNames;

/**
 * One convolutional cell without gates, the convolutional form of Elman's network (Elman 1990; PyTorch's `RNN`, HKO-7's `ConvRNN`). `∗` is a
 * convolution:
 *
 * ```text
 * h′ = tanh(Wx ∗ x + Wh ∗ h + b)
 * ```
 *
 * Shapes: `x [N, C, …]`, `h [N, H, …]` with the sizes that the input convolution makes; `inputWeight [H, C, …k]`,
 * `stateWeight [H, H, …k′]`, `bias [H]`. On a 1×1 grid with 1×1 kernels this is PyTorch's `RNN`, with its `bias_ih + bias_hh` as bias.
 *
 * Options change `tanh` (`activation`), normalize the sum before the bias is added, drop elements of `x` and `h`, and keep old states
 * (`zoneout`); see {@link RecurrentCellOptions}.
 */
export class ConvRNNCell extends RecurrentCell<RNNState> {
  /**
   * @throws ArgumentError if an option is out of range or `recurrentActivation` is given, or `imageSize` is missing for weights per position;
   * ShapeError if the kernel does not fit into the padded image
   */
  constructor(options: ConvRNNCellOptions) {
    const op = "ConvRNNCell";
    checkNames(op, options, convRNNCellNames);
    if (options.recurrentActivation !== undefined) {
      throw new ArgumentError(
        op,
        "recurrentActivation squashes gates, but this cell has none; leave it out: activation squashes the state",
        { got: options.recurrentActivation },
      );
    }
    super({ op, gates: 1, stateNames: ["h"] }, options);
  }

  /** `[h]` */
  override partsOf({ h }: RNNState): Tensor[] {
    return [h];
  }

  /** The state of `[h]`. @throws ArgumentError if it is missing */
  override stateOf([h]: readonly Tensor[]): RNNState {
    if (h === undefined) throw new ArgumentError(this.op, "a state has one part, h");
    return { h };
  }

  protected override next(inputGates: Tensor | undefined, { h }: RNNState, masks: SequenceMasks): RNNState {
    return { h: this.activation(this.preActivations(inputGates, h, masks)) };
  }
}
