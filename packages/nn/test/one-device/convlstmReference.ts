// ConvLSTM written gate by gate from its equations: a convolution for each gate, nothing shared, nothing fused. The slowest there is.
import type { ConvLSTMCell, LSTMState, SequenceMasks } from "@squall/nn";
import { conv1d, conv2d, conv3d, type Tensor } from "@squall/tensor";

const convolutions = { 1: conv1d, 2: conv2d, 3: conv3d } as const;

/** Mean 0 and variance 1 over groups of channels and all positions, then a factor. */
function normalized(cell: ConvLSTMCell, a: Tensor, gate: number): Tensor {
  if (cell.normWeight === undefined) return a;
  const [batch = 0, channels = 0, ...spatial] = a.shape;
  const rows = a.reshape([batch, cell.normGroups, -1]);
  const centred = rows.sub(rows.mean(2, true));
  const unit = centred.div(centred.square().mean(2, true).add(1e-5).sqrt()).reshape(a.shape);
  const weight = cell.normWeight.narrow(0, gate * channels, channels);
  return unit.mul(cell.norm === "layer" ? weight : weight.reshape([channels, ...spatial.map(() => 1)]));
}

/** One step. @param x - `[N, C, …]` */
export function referenceStep(
  cell: ConvLSTMCell,
  x: Tensor | undefined,
  { h, c }: LSTMState,
  masks: SequenceMasks,
): LSTMState {
  const conv = convolutions[cell.spatialDims];
  const hidden = cell.hiddenChannels;
  const ones = Array.from({ length: cell.spatialDims }, () => 1);
  const preActivation = (gate: number): Tensor => {
    const masked = (tensor: Tensor, all: readonly Tensor[] | undefined): Tensor => {
      const mask = all?.[all.length === 1 ? 0 : gate];
      return mask === undefined ? tensor : tensor.mul(mask);
    };
    const rows = (weight: Tensor): Tensor => weight.narrow(0, gate * hidden, hidden);
    let a = conv(masked(h, masks.state), rows(cell.stateWeight), undefined, cell.stateConv);
    if (x !== undefined && cell.inputWeight !== undefined) {
      a = conv(masked(x, masks.input), rows(cell.inputWeight), undefined, cell.inputConv).add(a);
    }
    a = normalized(cell, a, gate);
    return cell.bias === undefined ? a : a.add(rows(cell.bias).reshape([hidden, ...ones]));
  };
  const peephole = (index: number, cellState: Tensor): Tensor | number => {
    if (cell.peephole === undefined) return 0;
    if (cell.peepholeKind !== "conv") return cell.peephole.select(0, index).mul(cellState);
    const weight = cell.peephole.narrow(0, index * hidden, hidden);
    return conv(cellState, weight, undefined, { padding: "same" });
  };
  const { activation, recurrentActivation: gate } = cell;
  const i = gate(preActivation(0).add(peephole(0, c)));
  const f = gate(preActivation(1).add(peephole(1, c)));
  const after = f.mul(c).add(i.mul(activation(preActivation(3))));
  const o = gate(preActivation(2).add(peephole(2, after)));
  return { h: o.mul(activation(after)), c: after };
}
