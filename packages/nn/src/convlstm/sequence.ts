/*
 * A whole sequence through one ConvLSTM layer as a single op. A device that does sequences at once gets all of it. On others the
 * input-to-state convolution of all steps is one batched call; per step only the state-to-state convolution and the gate kernel run; the
 * weight gradients of all steps are one batched call at the end.
 */
import {
  ArgumentError,
  type ConvLstmGeometry,
  type ConvLstmKernels,
  type ConvOptions,
  convGeometry,
  type Peephole,
  type Shape,
  sizeOf,
  storageScope,
} from "@squall/device";
import {
  cat,
  convInputOp,
  convOp,
  convWeightOp,
  defineMultiOutputOp,
  type GradientContext,
  isGradEnabled,
  stack,
  Tensor,
} from "@squall/tensor";
import type { SequenceResult } from "../recurrent/cell.ts";
import { type LSTMState, updateState, weightPeepholes } from "./gates.ts";
import { peepholeGradient } from "./peepholeGradient.ts";
import { plainGradient } from "./plainGradient.ts";

/** Where each operand stands among the inputs of the op; absent ones have no place. */
interface Places {
  readonly h: number;
  readonly c: number;
  readonly stateWeight: number;
  readonly x: number | undefined;
  readonly inputWeight: number | undefined;
  readonly bias: number | undefined;
  readonly peephole: number | undefined;
}

interface SequenceArgs extends ConvLstmGeometry {
  readonly places: Places;
  /** Number of operands. */
  readonly inputs: number;
  /** Shape of a state, `[N, H, …]`. */
  readonly stateShape: Shape;
  /** Whether gates and cells of every step are wanted for a backward pass. */
  readonly keep: boolean;
  /** The device's kernels for whole sequences, if it takes this one. */
  readonly whole: { readonly kernels: ConvLstmKernels; readonly keptLength: number } | undefined;
}

/** The operands by name. */
interface Operands {
  readonly h: Tensor;
  readonly c: Tensor;
  readonly stateWeight: Tensor;
  readonly x: Tensor | undefined;
  readonly inputWeight: Tensor | undefined;
  readonly bias: Tensor | undefined;
  readonly peephole: Tensor | undefined;
}

function operandsAt({ places }: SequenceArgs, at: (k: number) => Tensor): Operands {
  const optional = (k: number | undefined): Tensor | undefined => (k === undefined ? undefined : at(k));
  return {
    h: at(places.h),
    c: at(places.c),
    stateWeight: at(places.stateWeight),
    x: optional(places.x),
    inputWeight: optional(places.inputWeight),
    bias: optional(places.bias),
    peephole: optional(places.peephole),
  };
}

/** Input-to-state gates of all steps, `[T·N, 4H, …]`, bias included. */
function inputGatesOf({ x, inputWeight, bias }: Operands, { input }: SequenceArgs): Tensor | undefined {
  if (x === undefined || inputWeight === undefined || input === undefined) return undefined;
  return convOp(bias === undefined ? [x, inputWeight] : [x, inputWeight, bias], input);
}

/** State-to-state gates of one step, `[N, 4H, …]`; they carry the bias if there is no input to carry it. */
function stateGatesOf(h: Tensor, { x, stateWeight, bias }: Operands, { state }: SequenceArgs): Tensor {
  return convOp(bias === undefined || x !== undefined ? [h, stateWeight] : [h, stateWeight, bias], state);
}

/** The same with plain ops: what the op means, and what its second derivatives are taken of. */
function plainSequence(operands: Operands, args: SequenceArgs): [hidden: Tensor, h: Tensor, c: Tensor] {
  const inputGates = inputGatesOf(operands, args)?.split(args.state.batch);
  const peepholes = weightPeepholes(operands.peephole);
  const hidden: Tensor[] = [];
  let state: LSTMState = { h: operands.h, c: operands.c };
  for (let t = 0; t < args.steps; t++) {
    const stateGates = stateGatesOf(state.h, operands, args);
    const fromInput = inputGates?.[t];
    const gates = fromInput === undefined ? stateGates : fromInput.add(stateGates);
    state = updateState(gates, state.c, peepholes);
    hidden.push(state.h);
  }
  return [stack(hidden), state.h, state.c];
}

const sequenceOp = defineMultiOutputOp<SequenceArgs>({
  name: "ConvLSTM",
  // Sequence of hidden states, last hidden state, last cell state; then, if kept, activated gates of every step and cell states of every
  // step but the last, or what the device keeps of the whole sequence.
  shapes: (_, { steps, stateShape, keep, whole }) => {
    if (whole !== undefined) {
      return [[steps, ...stateShape], stateShape, stateShape, ...(keep ? [[whole.keptLength]] : [])];
    }
    const [batch = 0, hidden = 0, ...spatial] = stateShape;
    const gateShape = [batch, 4 * hidden, ...spatial];
    const kept = keep ? Array.from({ length: 2 * steps - 1 }, (_, k) => (k < steps ? gateShape : stateShape)) : [];
    return [[steps, ...stateShape], stateShape, stateShape, ...kept];
  },
  run: (inputs, args) => {
    const operands = operandsAt(args, (k) => tensorAt(inputs, k));
    if (args.whole !== undefined) {
      const after = args.whole.kernels.forward(args, storagesOf(operands), args.keep);
      return [after.sequence, after.hidden, after.cell, ...(args.keep ? [after.kept] : [])];
    }
    const { kernels } = operands.h.device;
    const inputGates = inputGatesOf(operands, args);
    const hidden: Tensor[] = [];
    const gates: Tensor["storage"][] = [];
    const cells: Tensor["storage"][] = [];
    let { h } = operands;
    let cell = operands.c.storage;
    const stepSize = 4 * sizeOf(args.stateShape);
    for (let t = 0; t < args.steps; t++) {
      const step = { inputGates: inputGates?.storage, inputOffset: t * stepSize, cell };
      const after = storageScope(
        () => {
          const stateGates = stateGatesOf(h, operands, args).storage;
          return kernels.lstmStep(args.lstm, { ...step, stateGates, peephole: operands.peephole?.storage });
        },
        ({ hidden, cell, gates }) => (args.keep ? [hidden, cell, gates] : [hidden, cell]),
      );
      h = new Tensor(after.hidden, args.stateShape);
      cell = after.cell;
      hidden.push(h);
      if (args.keep) {
        gates.push(after.gates);
        if (t < args.steps - 1) cells.push(after.cell);
      }
    }
    return [stack(hidden).storage, h.storage, cell, ...gates, ...cells];
  },
  saves: ({ keep, steps, places, whole }) => {
    const owned = keep ? Array.from({ length: whole === undefined ? 2 * steps - 1 : 1 }, (_, k) => k + 3) : [];
    const shared = whole === undefined ? [0, 2] : [0];
    return {
      inputs: Object.values(places).filter((place) => place !== undefined),
      outputs: keep ? [...shared, ...owned] : [],
      owned,
    };
  },
  gradient: (context) => {
    if (isGradEnabled()) return differentiableGradient(context);
    return context.args.whole === undefined
      ? steppedGradient(context)
      : wholeGradient(context, context.args.whole.kernels);
  },
});

/** The operands as a device sees them. */
function storagesOf(operands: Operands): Parameters<ConvLstmKernels["forward"]>[1] {
  return {
    x: operands.x?.storage,
    hidden: operands.h.storage,
    cell: operands.c.storage,
    inputWeight: operands.inputWeight?.storage,
    stateWeight: operands.stateWeight.storage,
    bias: operands.bias?.storage,
    peephole: operands.peephole?.storage,
  };
}

function tensorAt(inputs: readonly Tensor[], k: number): Tensor {
  const found = inputs[k];
  if (found === undefined) throw new ArgumentError("ConvLSTM", `operand ${k} is missing`);
  return found;
}

/** Places results where their operands stand. */
function placed(
  context: GradientContext<SequenceArgs>,
  gradients: Partial<Record<keyof Places, Tensor | undefined>>,
): (Tensor | undefined)[] {
  const result: (Tensor | undefined)[] = [];
  for (const name of ["h", "c", "stateWeight", "x", "inputWeight", "bias", "peephole"] as const) {
    const place = context.args.places[name];
    if (place !== undefined) result[place] = gradients[name];
  }
  return result;
}

/** Whether the gradient of an operand is wanted. */
function needs(context: GradientContext<SequenceArgs>, name: keyof Places): boolean {
  const place = context.args.places[name];
  return place !== undefined && context.needs(place);
}

/** Backpropagation through time by the device, all at once. */
function wholeGradient(context: GradientContext<SequenceArgs>, kernels: ConvLstmKernels): (Tensor | undefined)[] {
  const { args } = context;
  const operands = operandsAt(args, (k) => context.input(k));
  const gradients = kernels.gradient(args, {
    ...storagesOf(operands),
    sequence: context.output(0).storage,
    kept: context.output(3).storage,
    sequenceGradient: context.gradient(0).storage,
    hiddenGradient: context.gradient(1).storage,
    cellGradient: context.gradient(2).storage,
    wantsX: needs(context, "x"),
    wantsWeights: needs(context, "stateWeight") || needs(context, "inputWeight"),
  });
  const like = (
    name: keyof Places,
    operand: Tensor | undefined,
    storage: Tensor["storage"] | undefined,
  ): Tensor | undefined =>
    operand === undefined || storage === undefined || !needs(context, name)
      ? undefined
      : new Tensor(storage, operand.shape);
  return placed(context, {
    h: like("h", operands.h, gradients.hidden),
    c: like("c", operands.c, gradients.cell),
    stateWeight: like("stateWeight", operands.stateWeight, gradients.stateWeight),
    x: like("x", operands.x, gradients.x),
    inputWeight: like("inputWeight", operands.inputWeight, gradients.inputWeight),
    bias: like("bias", operands.bias, gradients.bias),
    peephole: like("peephole", operands.peephole, gradients.peephole),
  });
}

/** Backpropagation through time, step by step over the kernels. */
function steppedGradient(context: GradientContext<SequenceArgs>): (Tensor | undefined)[] {
  const { args } = context;
  const { steps, state, lstm, stateShape } = args;
  const operands = operandsAt(args, (k) => context.input(k));
  const { kernels } = operands.h.device;
  const gatesAt = (t: number): Tensor => context.output(3 + t);
  const cellAt = (t: number): Tensor => {
    if (t < 0) return operands.c;
    return t === steps - 1 ? context.output(2) : context.output(3 + steps + t);
  };
  const [batch = 0, hidden = 0, ...spatial] = stateShape;

  const fromSequence = context.gradient(0).unbind(0);
  const gateGradients: Tensor[] = [];
  let hiddenGradient = context.gradient(1);
  let cellGradient = context.gradient(2);
  for (let t = steps - 1; t >= 0; t--) {
    const before = kernels.lstmStepGradient(lstm, {
      gates: gatesAt(t).storage,
      cellBefore: cellAt(t - 1).storage,
      cellAfter: cellAt(t).storage,
      hiddenGradient: hiddenGradient.add(tensorAt(fromSequence, t)).storage,
      cellGradient: cellGradient.storage,
      peephole: operands.peephole?.storage,
    });
    const gates = new Tensor(before.gates, [batch, 4 * hidden, ...spatial]);
    gateGradients[t] = gates;
    cellGradient = new Tensor(before.cell, stateShape);
    if (t > 0 || needs(context, "h")) hiddenGradient = convInputOp([gates, operands.stateWeight], state);
  }

  const all = cat(gateGradients);
  const { input } = args;
  const { x, inputWeight } = operands;
  const statesBefore = (): Tensor =>
    cat([
      operands.h,
      context
        .output(0)
        .narrow(0, 0, steps - 1)
        .reshape([-1, ...stateShape.slice(1)]),
    ]);
  return placed(context, {
    h: needs(context, "h") ? hiddenGradient : undefined,
    c: needs(context, "c") ? cellGradient : undefined,
    stateWeight: needs(context, "stateWeight")
      ? convWeightOp([statesBefore(), all], { ...state, batch: steps * batch })
      : undefined,
    x:
      needs(context, "x") && inputWeight !== undefined && input !== undefined
        ? convInputOp([all, inputWeight], input)
        : undefined,
    inputWeight:
      needs(context, "inputWeight") && x !== undefined && input !== undefined
        ? convWeightOp([x, all], input)
        : undefined,
    bias: needs(context, "bias") ? all.sum(all.shape.map((_, axis) => axis).filter((axis) => axis !== 1)) : undefined,
    peephole:
      needs(context, "peephole") && operands.peephole !== undefined
        ? peepholeGradient(
            operands.peephole,
            all,
            Array.from({ length: steps + 1 }, (_, t) => cellAt(t - 1)),
          )
        : undefined,
  });
}

/** The gradient in plain operations, which can be differentiated again. */
function differentiableGradient(context: GradientContext<SequenceArgs>): (Tensor | undefined)[] {
  return plainGradient(context, context.args.inputs, (at) => plainSequence(operandsAt(context.args, at), context.args));
}

/** What {@link runSequence} runs: the weights of a cell and its input. */
export interface SequenceProblem {
  /** Input `[T, N, k·C, …]`: one copy, or one for each gate; `undefined` without. */
  readonly frames: Tensor | undefined;
  /** Input-to-state weight `[4H, C/groups, …k]`; `undefined` without input. */
  readonly inputWeight: Tensor | undefined;
  /** How the frames are convolved. */
  readonly inputConv: ConvOptions;
  /** State-to-state weight `[4H, H, …k]`. */
  readonly stateWeight: Tensor;
  /** How the hidden state is convolved. */
  readonly stateConv: ConvOptions;
  /** Bias `[4H]`. */
  readonly bias: Tensor | undefined;
  /** Kind of peephole. */
  readonly peepholeKind: Peephole;
  /** Peephole `[3, H, …]`. */
  readonly peephole: Tensor | undefined;
}

/**
 * Runs a cell with the paper's gates over a sequence in one fused op. Shapes have been checked.
 * @param state - before the first step
 */
export function runSequence(problem: SequenceProblem, steps: number, state: LSTMState): SequenceResult<LSTMState> {
  const { frames: sequence, inputWeight, stateWeight } = problem;
  const stateShape = state.h.shape;
  const [batch = 0, hidden = 0, ...spatial] = stateShape;
  const inputs: Tensor[] = [];
  const place = (operand: Tensor): number => inputs.push(operand) - 1;
  const optional = (operand: Tensor | undefined): number | undefined =>
    operand === undefined ? undefined : place(operand);
  const frames = sequence?.reshape([steps * batch, ...sequence.shape.slice(2)]);
  const places: Places = {
    h: place(state.h),
    c: place(state.c),
    stateWeight: place(stateWeight),
    x: optional(frames),
    inputWeight: optional(inputWeight),
    bias: optional(problem.bias),
    peephole: optional(problem.peephole),
  };
  const geometry: ConvLstmGeometry = {
    steps,
    state: convGeometry("ConvLSTM", stateShape, stateWeight.shape, problem.stateConv),
    input:
      frames === undefined || inputWeight === undefined
        ? undefined
        : convGeometry("ConvLSTM", frames.shape, inputWeight.shape, problem.inputConv),
    lstm: { batch, hidden, positions: sizeOf(spatial), peephole: problem.peepholeKind },
  };
  const kernels = state.h.device.kernels.convLstm;
  const keptLength = kernels?.keptLength(geometry, state.h.dtype);
  const args: SequenceArgs = {
    ...geometry,
    places,
    inputs: inputs.length,
    stateShape,
    keep: isGradEnabled() && inputs.some((input) => input.requiresGrad),
    whole: kernels === undefined || keptLength === undefined ? undefined : { kernels, keptLength },
  };
  const [all, h, c] = sequenceOp(inputs, args);
  if (all === undefined || h === undefined || c === undefined)
    throw new ArgumentError("ConvLSTM", "the sequence gave no output");
  return { hidden: all, state: { h, c } };
}
