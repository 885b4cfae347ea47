import type { ConvLSTMFormat } from "./format.ts";

/** Names of the formats that are known: the keys of {@link convLSTMFormats}. */
export type ConvLSTMFormatName = "fused" | "separate" | "perGate" | "keras" | "flax" | "haiku" | "brainpy";

const haiku: ConvLSTMFormat = {
  layout: "channelsLast",
  gateOrder: "igfo",
  forgetOffset: 1,
  twoBiases: true,
  oneKernel: true,
  names: {
    inputWeight: "input_to_hidden.w",
    stateWeight: "hidden_to_hidden.w",
    bias: "input_to_hidden.b",
    stateBias: "hidden_to_hidden.b",
  },
};

/**
 * The formats that {@link importConvLSTM} and {@link exportConvLSTM} know by name. Each is data that a format of one's own may start from:
 * `{ ...convLSTMFormats.fused, gateOrder: "ifgo" }`.
 *
 * | name | written by | tensors of one layer |
 * |---|---|---|
 * | `fused` | ndrplz/ConvLSTM_pytorch; under names of its own Hzzone/Precipitation-Nowcasting | one convolution over cat(x, h), `[4H, C+H, …k]` |
 * | `separate` | OpenSTL, without layer norm | a convolution of x and one of h, `[4H, C, …k]` and `[4H, H, …k]`, gates i, f, g, o; OpenSTL's have no bias |
 * | `perGate` | automan000/Convolutional_LSTM_PyTorch | eight convolutions, `[H, C, …k]` and `[H, H, …k]`, and peepholes `[1, H, …size]`; g is called c |
 * | `keras` | ConvLSTM1D, 2D and 3D of Keras | `[…k, C, 4H]`, `[…k, H, 4H]`, `[4H]`, gates i, f, g, o where Keras says i, f, c, o |
 * | `flax` | `ConvLSTMCell` of Flax | as `haiku`, under other names |
 * | `haiku` | `Conv1DLSTM`, 2D and 3D of Haiku | `[…k, C, 4H]`, `[…k, H, 4H]`, two biases `[4H]`, gates i, g, f, o; the forget gate reads f + 1 |
 * | `brainpy` | `Conv1dLSTMCell`, 2d and 3d of BrainPy | as `haiku`, biases `[1, …, 4H]`; may be grouped |
 *
 * Hzzone's layers take `{ gateOrder: "ifgo", batchedPeephole: true, names: { weight: "_conv.weight", bias: "_conv.bias", peephole: "Wc{gate}" } }`
 * and a `prefix` as `["encoder.rnn1.", "encoder.rnn2."]`. OpenSTL's cells hold convolutions that they do not use: `{ others: "ignore" }`.
 *
 * A norm between convolution and gates has no place in any format: not OpenSTL's layer norm, nor jhhuang96/ConvLSTM-PyTorch, which normalizes
 * the sum of both convolutions and the bias.
 */
export const convLSTMFormats: Readonly<Record<ConvLSTMFormatName, ConvLSTMFormat>> = {
  fused: {
    names: {
      weight: "cell_list.{layer}.conv.weight",
      bias: "cell_list.{layer}.conv.bias",
      peephole: "cell_list.{layer}.peephole_{gate}",
    },
  },
  separate: {
    gateOrder: "ifgo",
    names: {
      inputWeight: "cell_list.{layer}.conv_x.0.weight",
      stateWeight: "cell_list.{layer}.conv_h.0.weight",
      bias: "cell_list.{layer}.conv_x.0.bias",
      stateBias: "cell_list.{layer}.conv_h.0.bias",
      peephole: "cell_list.{layer}.peephole_{gate}",
    },
  },
  perGate: {
    gateNames: { g: "c" },
    batchedPeephole: true,
    names: {
      inputWeight: "cell{layer}.Wx{gate}.weight",
      stateWeight: "cell{layer}.Wh{gate}.weight",
      bias: "cell{layer}.Wx{gate}.bias",
      stateBias: "cell{layer}.Wh{gate}.bias",
      peephole: "cell{layer}.Wc{gate}",
    },
  },
  keras: {
    layout: "channelsLast",
    gateOrder: "ifgo",
    oneKernel: true,
    names: { inputWeight: "kernel", stateWeight: "recurrent_kernel", bias: "bias" },
  },
  flax: {
    ...haiku,
    names: { inputWeight: "ih.kernel", stateWeight: "hh.kernel", bias: "ih.bias", stateBias: "hh.bias" },
  },
  haiku,
  brainpy: { ...haiku, spatialBias: true, grouped: true },
};
