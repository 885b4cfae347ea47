import type { PerAxis } from "@squall/device";
import type { Activation, ActivationName } from "../recurrent/activation.ts";
import type { LayerOptionsOf, RecurrentCellOptions } from "../recurrent/options.ts";
import type { ForecasterCell, ForecasterCells } from "./cells.ts";

/** A change of scale before a layer of the encoder, whose mirror stands behind the forecaster's layer with the same states. */
export interface StageOptions {
  /** How many times smaller images become, per axis: `ceil(size / stride)`. Default 2. */
  readonly stride?: PerAxis;
  /** Kernel of both convolutions. Default: `2·stride - 1`, but at least 3. */
  readonly kernelSize?: PerAxis;
  /**
   * Channels that the encoder's layer reads. Default: `hiddenChannels` of that layer. The mirror makes the channels that the encoder's stage
   * takes, which are those of the next layer's states; that of the first stage makes `channels`, for the head to read.
   */
  readonly channels?: number;
  /** What follows both convolutions. Default `"leakyRelu"` (slope 0.2). */
  readonly activation?: Activation;
  /**
   * How the mirror makes images larger: `"transposed"`, by the transposed convolution (as {@link UpStage}, the default), or `"resize"`, by
   * repeating pixels before a convolution (as {@link ResizeStage}), which makes no checkerboards.
   */
  readonly upsampling?: "transposed" | "resize";
}

/** Options that the two parts decide between themselves, or that would change sizes without the other part's knowledge. */
export type DecidedOptions =
  | "returnAllLayers"
  | "returnSequences"
  | "goBackwards"
  | "keepOrder"
  | "stateful"
  | "detachCarried"
  | "saveState"
  | "stride"
  | "padding";

/** Options of {@link EncoderForecaster} for any kind of layers. Those of recurrent layers hold for both parts. */
export interface ForecasterOptions extends Omit<LayerOptionsOf<RecurrentCellOptions>, DecidedOptions | "layers"> {
  /** Channels of the frames as they are given, patches or not. */
  readonly inputChannels: number;
  /** Spatial sizes of the frames as they are given: needed by options with a weight per position, which fix it. */
  readonly imageSize?: readonly number[];
  /** Whether states before the first frame are learned. The forecaster's are always the encoder's last. Default false. */
  readonly learnedInitialState?: boolean;
  /** Channels of the forecast frames. Default: `inputChannels`. */
  readonly outputChannels?: number;
  /** Size of the patches that frames are cut into, their positions becoming channels; one number for all axes or one per axis. Default 1. */
  readonly patchSize?: PerAxis;
  /** What to do with frames whose size is not a multiple of `patchSize`: refuse them, or add zeros, which are cut off the forecast. Default `"error"`. */
  readonly patchPadding?: "error" | "zeros";
  /** Changes of scale before each layer of the encoder, one per layer, `null` for none. Default: all layers work at the size of the frames. */
  readonly stages?: readonly (StageOptions | null)[];
  /**
   * Whether the forecaster's layers stand in the order of the encoder's (the default), or the other way round: `"mirrored"`, the deepest first,
   * which takes no input and feeds the shallower ones (as in Shi et al. 2017); always so with `stages`.
   */
  readonly layerOrder?: "same" | "mirrored";
  /** Whether the head reads the hidden states of all the forecaster's layers (the default) or of its last one (with `stages`). */
  readonly head?: "all" | "last";
  /**
   * What the forecaster's first layer reads: nothing, so that it has no input convolution (the paper's), or the previous frame: the last one
   * of the input, then what was forecast itself. Default `"none"`.
   */
  readonly forecasterInput?: "none" | "previous";
  /** How the forecast becomes a frame that is fed back, as `"sigmoid"` if the loss is over logits. Needed with `forecasterInput: "previous"`. */
  readonly feedback?: ActivationName;
}

/** Exceptions for one layer of the encoder and the forecaster's layer with the same states. */
export type ForecasterLayer<Cell extends ForecasterCell> = Omit<
  NonNullable<ForecasterCells[Cell]["options"]["layers"]>[number],
  "stride" | "padding" | "imageSize"
>;

/** Options of {@link EncoderForecaster}: {@link ForecasterOptions}, and those that only one kind of layers has, such as `peephole`. */
export type EncoderForecasterOptions<Cell extends ForecasterCell = "lstm"> = ForecasterOptions &
  Omit<ForecasterCells[Cell]["options"], DecidedOptions | "layers"> & {
    /** Kind of the recurrent layers. Default `"lstm"`. */
    readonly cell?: Cell;
    /** Options of single layers, which win over the common ones, in the encoder's order. */
    readonly layers?: readonly ForecasterLayer<Cell>[];
  };
