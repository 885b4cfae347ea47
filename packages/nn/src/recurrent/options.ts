import type { Padding, PerAxis } from "@squall/device";
import type { ModuleOptions } from "../module/options.ts";
import type { Activation } from "./activation.ts";
import type { CellInit } from "./cellInit.ts";

/** Number of spatial axes. */
export type SpatialDims = 1 | 2 | 3;

/** Size of a kernel: one number for all axes, or one per axis. Even sizes work too. */
export type KernelSize = number | readonly number[];

/** Normalization of pre-activations: none, over groups of channels (Wu and He 2018), or over whole samples (Ba et al. 2016). */
export type CellNorm = "none" | "group" | "layer";

/** Probability that a unit keeps its old value in a step of training (Krueger et al. 2016): of all states, or of some by name. */
export type Zoneout = number | Readonly<Record<string, number>>;

/** What all recurrent convolutional cells take. */
export interface RecurrentCellOptions extends ModuleOptions {
  /** Channels C of the input; 0 for a cell without input, which has no input convolution at all. */
  readonly inputChannels: number;
  /** Channels H of each state. */
  readonly hiddenChannels: number;
  /** Kernel of the input-to-state convolution. */
  readonly kernelSize: KernelSize;
  /** Kernel of the state-to-state convolution, which always keeps the size of the states. Default: `kernelSize`. */
  readonly stateKernelSize?: KernelSize;
  /** Spatial axes. Default 2. */
  readonly spatialDims?: SpatialDims;
  /** Step of the input-to-state convolution; the states have its output size. Default 1. */
  readonly stride?: PerAxis;
  /** Zeros around the input of the input-to-state convolution. Default `"same"`. */
  readonly padding?: Padding;
  /** Step between the taps of the input-to-state convolution. Default 1. */
  readonly dilation?: PerAxis;
  /** Independent groups of channels of the input-to-state convolution; each gate has all of them. Must divide C and H. Default 1. */
  readonly groups?: number;
  /** Step between the taps of the state-to-state convolution. Default 1. */
  readonly stateDilation?: PerAxis;
  /** Independent groups of channels of the state-to-state convolution; each gate has all of them. Must divide H. Default 1. */
  readonly stateGroups?: number;
  /** One learned number per gate and channel. Default true. */
  readonly bias?: boolean;
  /** What squashes the candidate and the cell state. Default `"tanh"`. */
  readonly activation?: Activation;
  /** What squashes the gates. Default `"sigmoid"`. */
  readonly recurrentActivation?: Activation;
  /**
   * Normalization of each gate's pre-activations `a`, before the bias is added: `weight ∘ (a - mean) / √(variance + 1e-5)`, with mean and mean
   * square deviation of a sample, over groups of a gate's channels and all positions. Default `"none"`. `"layer"` is over all of a gate, with
   * a weight per position, which fixes the image size.
   */
  readonly norm?: CellNorm;
  /** Groups of channels of each gate that are normalized together, for the norm `"group"`. Must divide H. Default 1. */
  readonly normGroups?: number;
  /** Spatial sizes of the input (of the states, for a cell without input): needed by options with a weight per position, which fix it. */
  readonly imageSize?: readonly number[];
  /**
   * Probability p that an element of the input is dropped in training, by masks that hold for a whole sequence (Gal and Ghahramani 2016): the
   * cell sees `mask ∘ x`, where the mask is 0 with probability p, else `1 / (1 - p)`. Default 0.
   */
  readonly inputDropout?: number;
  /** Probability that an element of the hidden state is dropped on its way into the convolution, likewise. Default 0. */
  readonly recurrentDropout?: number;
  /** Whether each gate has a mask of its own (as in Keras) or all share one. Default `"gate"`. */
  readonly dropoutMasks?: "gate" | "shared";
  /** Probability p that a unit keeps its old value in a step of training: `h′ = d ∘ h + (1 - d) ∘ h̃`, with `d` 1 or 0, drawn anew each step. Default 0. */
  readonly zoneout?: Zoneout;
  /**
   * What zoneout does after `eval()`: nothing, as all that is random (`"off"`, the default), or mix old and new values as they are expected to
   * be, `p·old + (1 - p)·new` (`"expected"`, as Krueger et al. 2016 do).
   */
  readonly zoneoutInEvaluation?: "off" | "expected";
  /** Whether the state before the first step is learned, a number per channel, rather than 0. Default false. */
  readonly learnedInitialState?: boolean;
  /** Initial weights: a preset's, or your own per group of weights. Default `"lecun"`. */
  readonly init?: CellInit;
}

/** What all recurrent convolutional layers take beside the options of their cells. */
export interface RecurrentLayerOptions {
  /** Channels of the states: one number for all layers, or one per layer. */
  readonly hiddenChannels: number | readonly number[];
  /** Input-to-state kernel: one number, one number per axis, or one such list per layer (`[[3, 3], [5, 5]]`). */
  readonly kernelSize: KernelSize | readonly KernelSize[];
  /** State-to-state kernel, as `kernelSize`. Default: equal to it, layer by layer. */
  readonly stateKernelSize?: KernelSize | readonly KernelSize[];
  /** Number of layers. Default: the length of `hiddenChannels` if that is a list, else 1. */
  readonly numLayers?: number;
  /** Whether sequences are `[N, T, C, …]` rather than `[T, N, C, …]`, going in and coming out. Default false. */
  readonly batchFirst?: boolean;
  /** Whether outputs and states of all layers are returned rather than only the last one's. Default false. */
  readonly returnAllLayers?: boolean;
  /** Whether outputs are the hidden states of all steps, rather than only of the last one, `[N, H, …]`. Default true. */
  readonly returnSequences?: boolean;
  /** Probability that an element between two layers is dropped in training, each by itself. Default 0. */
  readonly layerDropout?: number;
  /** Whether the last frame is read first. Outputs come in the order of reading, as in Keras, unless `keepOrder`. Default false. */
  readonly goBackwards?: boolean;
  /** Whether outputs of `goBackwards` stand beside the frames that they were made at. Default false. */
  readonly keepOrder?: boolean;
  /** Whether the states of all layers carry over from call to call. Default false. */
  readonly stateful?: boolean;
  /** Whether carried states are detached, so that gradients end at the call. If not, call `detachState()` when they should. Default true. */
  readonly detachCarried?: boolean;
  /** Whether carried states are part of the state dict. Default false. */
  readonly saveState?: boolean;
  /**
   * Steps that are computed again, together, in the backward pass, so that what it needs is kept for one such chunk at a time. `true` takes
   * about the square root of the number of steps, with which memory grows least. Default: nothing is computed twice.
   */
  readonly checkpoint?: boolean | number;
}

/** Options of a kind of recurrent layers: {@link RecurrentLayerOptions}, those of their cells, and exceptions for single layers. */
export type LayerOptionsOf<CellOptions extends RecurrentCellOptions> = RecurrentLayerOptions &
  Omit<CellOptions, "hiddenChannels" | "kernelSize" | "stateKernelSize"> & {
    /** Options of single layers, which win over the common ones: `[{ stride: 2 }, { dilation: 2 }]`. */
    readonly layers?: readonly Partial<Omit<CellOptions, CommonOptions>>[];
  };

/** Options of cells that all layers share, or that have a list of their own. */
export type CommonOptions =
  | "inputChannels"
  | "hiddenChannels"
  | "kernelSize"
  | "stateKernelSize"
  | "spatialDims"
  | keyof ModuleOptions;

/** What a layer decides for each of its cells. */
export interface CellPlan {
  /** Channels of its input. */
  readonly inputChannels: number;
  /** Channels of its states. */
  readonly hiddenChannels: number;
  /** Input-to-state kernel, per axis. */
  readonly kernelSize: readonly number[];
  /** State-to-state kernel, per axis. */
  readonly stateKernelSize: readonly number[];
  /** Spatial sizes of its input, if known. */
  readonly imageSize?: readonly number[];
}

/** What is left of the options of layers for one of their cells. */
export type OptionsOfCell<Options> = Omit<Options, keyof RecurrentLayerOptions | "layers"> & CellPlan;
