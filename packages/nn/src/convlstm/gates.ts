import { formatShape, ShapeError } from "@squall/device";
import type { Tensor } from "@squall/tensor";

/** State of a (Conv)LSTM layer. */
export interface LSTMState {
  /** Hidden state, `[N, H, …]`. */
  readonly h: Tensor;
  /** Cell state, `[N, H, …]`. */
  readonly c: Tensor;
}

/** What the cell state adds to pre-activations. */
export interface Peepholes {
  /** To the input and the forget gate, from the cell state before the step. */
  readonly before: (c: Tensor) => readonly [i: Tensor, f: Tensor];
  /** To the output gate, from the cell state after the step. */
  readonly after: (c: Tensor) => Tensor;
}

/** Peepholes that multiply: `[3, H, 1…]` or `[3, H, …size]`, for i, f and o. */
export function weightPeepholes(weight: Tensor | undefined): Peepholes | undefined {
  const [i, f, o] = weight?.unbind(0) ?? [];
  if (i === undefined || f === undefined || o === undefined) return undefined;
  return { before: (c) => [i.mul(c), f.mul(c)], after: (c) => o.mul(c) };
}

/** The two elementwise functions of a cell. */
export interface Activations {
  /** Of the candidate and the cell state. */
  readonly activation: (x: Tensor) => Tensor;
  /** Of the gates. */
  readonly recurrentActivation: (x: Tensor) => Tensor;
}

/** Those of the paper. */
export const standardActivations: Activations = {
  activation: (x) => x.tanh(),
  recurrentActivation: (x) => x.sigmoid(),
};

/**
 * Gates to states: the part of the cell after its convolutions.
 * @param gates - pre-activations `[N, 4H, …]`, gates i, f, o, g
 * @param c - cell state `[N, H, …]`
 */
export function updateState(
  gates: Tensor,
  c: Tensor,
  peepholes: Peepholes | undefined,
  { activation, recurrentActivation }: Activations = standardActivations,
): LSTMState {
  const [i, f, o, g] = gates.chunk(4, 1);
  if (i === undefined || f === undefined || o === undefined || g === undefined) {
    throw new ShapeError("ConvLSTMCell", `gates must have four blocks of channels, got ${formatShape(gates.shape)}`, {
      got: gates.shape,
    });
  }
  const [fromI, fromF] = peepholes?.before(c) ?? [];
  const gate = (x: Tensor, peephole: Tensor | undefined): Tensor =>
    recurrentActivation(peephole === undefined ? x : x.add(peephole));
  const kept = gate(f, fromF).mul(c);
  const cell = kept.add(gate(i, fromI).mul(activation(g)));
  return { h: gate(o, peepholes?.after(cell)).mul(activation(cell)), c: cell };
}
