import type { DType } from "./dtype.ts";
import type { Expression } from "./elementwise/expression.ts";
import type { ConvGeometry } from "./geometry/conv.ts";
import type { ConvLstmGeometry } from "./geometry/convLstm.ts";
import type { CopyGeometry } from "./geometry/copy.ts";
import type { LstmGeometry } from "./geometry/lstm.ts";
import type { MapGeometry } from "./geometry/map.ts";
import type { MatmulGeometry } from "./geometry/matmul.ts";
import type { ReduceGeometry, Reduction } from "./geometry/reduce.ts";
import type { Storage } from "./storage.ts";

/** Operands of {@link Kernels.lstmStep}. Gates are stacked i, f, o, g along the channel axis. */
export interface LstmStepInputs {
  /** Input-to-state pre-activations of *all* steps, `[T, N, 4H, P]` (bias included); absent for a layer without input. */
  readonly inputGates: Storage | undefined;
  /** Element offset of this step inside `inputGates`. */
  readonly inputOffset: number;
  /** State-to-state pre-activations of this step, `[N, 4H, P]`. */
  readonly stateGates: Storage;
  /** Cell state before the step, `[N, H, P]`. */
  readonly cell: Storage;
  /** Peephole weights i, f, o: `[3, H]` or `[3, H, P]` as the geometry says; absent for `none`. */
  readonly peephole: Storage | undefined;
}

/** Results of {@link Kernels.lstmStep}. */
export interface LstmStepOutputs {
  /** Hidden state after the step, `[N, H, P]`. */
  readonly hidden: Storage;
  /** Cell state after the step, `[N, H, P]`. */
  readonly cell: Storage;
  /** Gates after their activations, `[N, 4H, P]`: what the gradient needs. */
  readonly gates: Storage;
}

/** Operands of {@link Kernels.lstmStepGradient}. */
export interface LstmStepGradientInputs {
  /** Activated gates of the step, as {@link LstmStepOutputs.gates}. */
  readonly gates: Storage;
  /** Cell state before the step, `[N, H, P]`. */
  readonly cellBefore: Storage;
  /** Cell state after the step, `[N, H, P]`. */
  readonly cellAfter: Storage;
  /** Gradient of the hidden state after the step, `[N, H, P]`. */
  readonly hiddenGradient: Storage;
  /** Gradient of the cell state after the step, `[N, H, P]`. */
  readonly cellGradient: Storage;
  /** Peephole weights as in the forward step. */
  readonly peephole: Storage | undefined;
}

/** Results of {@link Kernels.lstmStepGradient}. */
export interface LstmStepGradientOutputs {
  /** Gradient of the pre-activations, `[N, 4H, P]`. */
  readonly gates: Storage;
  /** Gradient of the cell state before the step, `[N, H, P]`. */
  readonly cell: Storage;
}

/** Operands of {@link ConvLstmKernels.forward}. Gates are stacked i, f, o, g along the channel axis. */
export interface ConvLstmInputs {
  /** Inputs of all steps, `[T, N, C, …]`; absent for a layer without input. */
  readonly x: Storage | undefined;
  /** Hidden state before the first step, `[N, H, …]`. */
  readonly hidden: Storage;
  /** Cell state before the first step, `[N, H, …]`. */
  readonly cell: Storage;
  /** `[4H, C, …kernel]`; absent without input. */
  readonly inputWeight: Storage | undefined;
  /** `[4H, H, …kernel]` */
  readonly stateWeight: Storage;
  /** `[4H]`, or none. */
  readonly bias: Storage | undefined;
  /** Peephole weights i, f, o: `[3, H]` or `[3, H, P]` as the geometry says; absent for `none`. */
  readonly peephole: Storage | undefined;
}

/** Results of {@link ConvLstmKernels.forward}. */
export interface ConvLstmOutputs {
  /** Hidden states of all steps, `[T, N, H, …]`. */
  readonly sequence: Storage;
  /** Hidden state after the last step, `[N, H, …]`. */
  readonly hidden: Storage;
  /** Cell state after the last step, `[N, H, …]`. */
  readonly cell: Storage;
  /** What the gradient needs, in an order of the device's own; empty if it was not asked for. */
  readonly kept: Storage;
}

/** Operands of {@link ConvLstmKernels.gradient}: those of the forward pass, its results and their gradients. */
export interface ConvLstmGradientInputs extends ConvLstmInputs {
  /** As {@link ConvLstmOutputs.sequence}. */
  readonly sequence: Storage;
  /** As {@link ConvLstmOutputs.kept}. */
  readonly kept: Storage;
  /** Gradient of the sequence, `[T, N, H, …]`. */
  readonly sequenceGradient: Storage;
  /** Gradient of the last hidden state, `[N, H, …]`. */
  readonly hiddenGradient: Storage;
  /** Gradient of the last cell state, `[N, H, …]`. */
  readonly cellGradient: Storage;
  /** Whether the gradient of the inputs is wanted. */
  readonly wantsX: boolean;
  /** Whether gradients of the weights are wanted. */
  readonly wantsWeights: boolean;
}

/** Gradients of the operands of {@link ConvLstmKernels.forward}, in their shapes. Those that do not exist or are not wanted are absent. */
export interface ConvLstmGradientOutputs {
  /** As {@link ConvLstmInputs.x}. */
  readonly x: Storage | undefined;
  /** As {@link ConvLstmInputs.hidden}. */
  readonly hidden: Storage;
  /** As {@link ConvLstmInputs.cell}. */
  readonly cell: Storage;
  /** As {@link ConvLstmInputs.inputWeight}. */
  readonly inputWeight: Storage | undefined;
  /** As {@link ConvLstmInputs.stateWeight}. */
  readonly stateWeight: Storage | undefined;
  /** As {@link ConvLstmInputs.bias}, whether or not there was one. */
  readonly bias: Storage;
  /** As {@link ConvLstmInputs.peephole}. */
  readonly peephole: Storage | undefined;
}

/** A whole ConvLSTM sequence at once. */
export interface ConvLstmKernels {
  /** Elements that {@link ConvLstmKernels.forward} keeps for the gradient, or `undefined` if it does not do this geometry and dtype. */
  keptLength(geometry: ConvLstmGeometry, dtype: DType): number | undefined;

  /** The sequence. @param keep - whether the gradient will be asked for */
  forward(geometry: ConvLstmGeometry, inputs: ConvLstmInputs, keep: boolean): ConvLstmOutputs;

  /** Backpropagation through time. */
  gradient(geometry: ConvLstmGeometry, inputs: ConvLstmGradientInputs): ConvLstmGradientOutputs;
}

/**
 * Everything a device must be able to compute; nothing else is ever asked of it. Kernels trust their geometry: shapes have been
 * checked by the op. Unless they say otherwise they return new storages and leave their operands alone. All operands of a
 * call have one dtype. Kernels that sum accumulate at least as well as plain float32 summation.
 */
export interface Kernels {
  /** `length` elements of `value`. */
  fill(dtype: DType, length: number, value: number): Storage;

  /** Writes strided elements of `source` into `target`, in place. Everything that only moves elements is made of this. */
  copy(geometry: CopyGeometry, source: Storage, target: Storage): void;

  /** Another dtype. Only ever called because a user asked for it. */
  cast(source: Storage, dtype: DType): Storage;

  /** Elementwise `expression` of broadcast inputs; `scalars` are the numbers that its scalar leaves stand for. */
  map(geometry: MapGeometry, expression: Expression, inputs: readonly Storage[], scalars: readonly number[]): Storage;

  /**
   * In place, in one pass: `targets[k][i] = expressions[k](targets[..][i], inputs[..][i])`. Input leaves number the targets first,
   * then the inputs; every expression sees the values from before the call. All storages have the same length, and no target
   * is given twice. For optimizers.
   */
  update(
    expressions: readonly Expression[],
    targets: readonly Storage[],
    inputs: readonly Storage[],
    scalars: readonly number[],
  ): void;

  /** Sum, maximum or minimum over some axes. Of nothing: 0, -Infinity, Infinity. NaN wins over every number. */
  reduce(geometry: ReduceGeometry, reduction: Reduction, source: Storage): Storage;

  /** Batched matrix product. */
  matmul(geometry: MatmulGeometry, a: Storage, b: Storage): Storage;

  /** Convolution (cross-correlation, as in PyTorch): input `[N, C, …]`, weight `[O, C/groups, …k]`, bias `[O]` or none. */
  conv(geometry: ConvGeometry, input: Storage, weight: Storage, bias: Storage | undefined): Storage;

  /** Gradient of {@link Kernels.conv} with respect to its input, `[N, C, …]`; also the transposed convolution. */
  convInputGradient(geometry: ConvGeometry, outputGradient: Storage, weight: Storage): Storage;

  /** Gradient of {@link Kernels.conv} with respect to its weight, `[O, C/groups, …k]`. */
  convWeightGradient(geometry: ConvGeometry, input: Storage, outputGradient: Storage): Storage;

  /** Gate activations, cell update and hidden state of one (Conv)LSTM step. */
  lstmStep(geometry: LstmGeometry, inputs: LstmStepInputs): LstmStepOutputs;

  /** Gradient of {@link Kernels.lstmStep}. */
  lstmStepGradient(geometry: LstmGeometry, inputs: LstmStepGradientInputs): LstmStepGradientOutputs;

  /** The one thing that a device may leave out: without it a sequence is made of `conv` and `lstmStep`, step by step. */
  readonly convLstm?: ConvLstmKernels;
}
