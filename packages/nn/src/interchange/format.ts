import type { Gate, GateOrder } from "./gate.ts";

/**
 * Names of the tensors of one layer. `{layer}` in a name stands for the layer's number, from 0; a name without it is that of a single
 * layer. A name with `{gate}` is that of one tensor per gate, with `H` where a tensor that holds all gates has `4H`. Shapes are those of
 * the layout `torch`; in the layout `channelsLast` a weight is `[…k, in, 4H]` and a peephole `[…size, H]`.
 */
export interface ConvLSTMNames {
  /** One weight for both convolutions, over cat(x, h): `[4H, C+H, …k]`. Stands instead of the next two. */
  readonly weight?: string;
  /** Weight of the input-to-state convolution, `[4H, C, …k]`; C is 0 for a layer without input. */
  readonly inputWeight?: string;
  /** Weight of the state-to-state convolution, `[4H, H, …k]`. */
  readonly stateWeight?: string;
  /** The bias, or that of the input-to-state convolution, `[4H]`. May be missing among tensors. */
  readonly bias?: string;
  /** A second bias, that of the state-to-state convolution, `[4H]`: it is added to the first. May be missing among tensors. */
  readonly stateBias?: string;
  /** Peephole weights of i, f and o: `[H, 1…]` or `[H, …size]` each with `{gate}`, else one tensor `[3, H, …]`. May be missing among tensors. */
  readonly peephole?: string;
}

/** How a program lays out the weights of a ConvLSTM: what {@link importConvLSTM} and {@link exportConvLSTM} go by. */
export interface ConvLSTMFormat {
  /** Names of the tensors, and with them which there are. */
  readonly names: ConvLSTMNames;
  /** Axes of weights: `torch` is `[out, in, …k]`, `channelsLast` is `[…k, in, out]`. Default `torch`. */
  readonly layout?: "torch" | "channelsLast";
  /** Order of the gates in tensors that hold all of them. Default `ifog`, ours. */
  readonly gateOrder?: GateOrder;
  /** What stands for `{gate}` in names, where it is not the gate's own letter. */
  readonly gateNames?: Readonly<Partial<Record<Gate, string>>>;
  /** What the program adds to the forget gate as it runs, so that its bias is ours less this number. Default 0. */
  readonly forgetOffset?: number;
  /** Whether each convolution needs a bias: then zeros are written to `names.stateBias`, else nothing is. Default false. */
  readonly twoBiases?: boolean;
  /** Whether a bias has an axis of size 1 for each spatial axis, `[1, …, 4H]`, rather than `[4H]`. Default false. */
  readonly spatialBias?: boolean;
  /** Whether peepholes per gate are written as `[1, H, …]` rather than `[H, …]`; either is read. Default false. */
  readonly batchedPeephole?: boolean;
  /** Whether both convolutions need the same kernel size, as a weight for both does anyhow. Default false. */
  readonly oneKernel?: boolean;
  /**
   * Whether convolutions may be read that are grouped, with `in / groups` for `in`: they become dense ones, with zeros between the groups.
   * They are written dense, as one group. Default false.
   */
  readonly grouped?: boolean;
}

/** What differs from a {@link ConvLSTMFormat}. */
export interface ConvLSTMInterchangeOptions {
  /**
   * Names that differ from those of the format. They decide whether names tell the `{layer}`: the format's names of biases and peepholes that
   * do it the other way are of no tensor then.
   */
  readonly names?: ConvLSTMNames;
  /** Order of the gates, if it differs from that of the format. */
  readonly gateOrder?: GateOrder;
  /** Whether peepholes per gate are written as `[1, H, …]`, if it differs from the format; either is read. */
  readonly batchedPeephole?: boolean;
  /**
   * What stands before every name: a text in which `{layer}` stands for the layer's number, from 0, or a list with one text per layer, for
   * layers whose names follow no such number. Those of a functional model of Keras 3 are
   * `["conv_lstm2d/conv_lstm_cell/", "conv_lstm2d_1/conv_lstm_cell/"]`; in a `Sequential`, `sequential/` stands before that. Default: nothing.
   */
  readonly prefix?: string | readonly string[];
  /**
   * What becomes of tensors that belong to no layer: `"refuse"`, or `"ignore"`, as for a checkpoint that holds an encoder or a head, too. What
   * is ignored does nothing here: a norm of the gates among it makes other results. A layer beyond a gap in the numbers is refused anyhow, as is
   * what a format has no place for in a layer of ours. Default `"refuse"`.
   */
  readonly others?: "refuse" | "ignore";
}
