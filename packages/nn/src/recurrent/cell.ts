import {
  ArgumentError,
  type ConvOptions,
  convGeometry,
  formatShape,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
} from "@squall/device";
import { type Generator, stack, type Tensor, zeros } from "@squall/tensor";
import { at } from "../at.ts";
import { normalize } from "../layers/normalize.ts";
import { Module } from "../module/module.ts";
import type { Parameter } from "../module/parameter.ts";
import { checkAxes, checkChannels, checkHome, checkParts } from "./cellChecks.ts";
import { resolveCell } from "./cellSettings.ts";
import { makeCellWeights } from "./cellWeights.ts";
import { convolve, gateInput } from "./gateConv.ts";
import { dropoutMasks, noMasks, type SequenceMasks, streamOf, zoneout } from "./noise.ts";
import type { CellNorm, RecurrentCellOptions, SpatialDims } from "./options.ts";

/** State of a recurrent layer: at least the hidden state, which is its output. */
export interface RecurrentState {
  /** Hidden state, `[N, H, …]`. */
  readonly h: Tensor;
}

/** Result of a sequence through one cell. */
export interface SequenceResult<State> {
  /** Hidden states of all steps, `[T, N, H, …]`. */
  readonly hidden: Tensor;
  /** State after the last step. */
  readonly state: State;
}

/** What tells one kind of cell from another. */
export interface CellKind {
  /** Name for messages. */
  readonly op: string;
  /** Pre-activations per hidden channel, the blocks of the weights' first axis. */
  readonly gates: number;
  /** Blocks of H channels that are normalized, each by itself and with factors of its own. Default: `gates`. */
  readonly normalized?: number;
  /** The parts of a state, `h` first. */
  readonly stateNames: readonly string[];
  /** The gate that gets an initial bias, and that bias; that of the initializers if left out. */
  readonly forget?: ForgetBias;
}

/** An initial bias of one gate. */
export interface ForgetBias {
  /** Which gate, counted from 0. */
  readonly gate: number;
  /** What is added to its bias; `undefined` for that of the initializers. */
  readonly bias: number | undefined;
}

/** An option that has a weight per position, and one that does without. */
export interface PerPosition {
  /** As it stands in messages. */
  readonly what: string;
  /** What to use for changing sizes. */
  readonly instead: string;
}

/**
 * Base of the recurrent convolutional cells: an input-to-state convolution, a state-to-state convolution that keeps the size of the states,
 * a bias, and what may surround them. With `∗` for the convolutions, `k` for a gate, and masks and norm where they are asked for:
 *
 * ```text
 * a[k] = norm(Wx[k] ∗ (mask[k] ∘ x) + Wh[k] ∗ (mask′[k] ∘ h)) + b[k]        k = 1 … gates, each [N, H, …]
 * ```
 *
 * A subclass says how pre-activations make the next state.
 */
export abstract class RecurrentCell<State extends RecurrentState> extends Module {
  /** Channels C of the input; 0 if there is none. */
  readonly inputChannels: number;
  /** Channels H of each state. */
  readonly hiddenChannels: number;
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** Stride, padding, dilation and groups of the input-to-state convolution. */
  readonly inputConv: Required<ConvOptions>;
  /** Padding, dilation and groups of the state-to-state convolution. */
  readonly stateConv: Required<ConvOptions>;
  /** Input-to-state weight `[gates·H, C/groups, …k]`, gate after gate; absent without input. */
  inputWeight: Parameter | undefined;
  /** State-to-state weight `[gates·H, H/stateGroups, …k]`. */
  stateWeight: Parameter;
  /** Bias `[gates·H]`. */
  bias: Parameter | undefined;
  /** Kind of normalization. */
  readonly norm: CellNorm;
  /** Groups of channels of each gate that are normalized together. */
  readonly normGroups: number;
  /**
   * Factors on normalized pre-activations: `[blocks·H]` for the norm `group`, `[blocks·H, …size]` for `layer`; initially 1. There is a block
   * per gate, unless a kind of cell says otherwise.
   */
  normWeight: Parameter | undefined;
  /** Learned states before the first step, `[parts, H, 1…]`, in the order of {@link stateNames}; initially 0. */
  learnedState: Parameter | undefined;
  /** Sizes of the states, where an option fixes them. */
  readonly fixedSize: readonly number[] | undefined;
  /** Probability that an element of the input is dropped in training. */
  readonly inputDropout: number;
  /** Probability that an element of the hidden state is dropped, on its way into the convolution, in training. */
  readonly recurrentDropout: number;
  /** Whether each gate has dropout masks of its own. */
  readonly dropoutMasks: "gate" | "shared";
  /** Probabilities that units keep their old values, per part of the state. */
  readonly zoneout: readonly number[];
  /** Whether old and new values are mixed in evaluation, as zoneout does on average. */
  readonly zoneoutInEvaluation: "off" | "expected";
  /** Where random masks come from; `undefined` for the default generator. */
  readonly generator: Generator | undefined;
  private readonly perPosition: PerPosition | undefined;
  /** Shape of {@link inputWeight}, known before it is made. */
  private readonly inputShape: Shape | undefined;
  /** Name for messages. */
  protected readonly op: string;
  /** Pre-activations per hidden channel. */
  protected readonly gates: number;
  /** The parts of a state, `h` first. */
  readonly stateNames: readonly string[];
  /** Squashes the candidate and the cell state. */
  readonly activation: (x: Tensor) => Tensor;
  /** Squashes the gates. */
  readonly recurrentActivation: (x: Tensor) => Tensor;

  /**
   * @param perPosition - the option of the subclass that has a weight per position, if there is one
   * @throws ArgumentError if an option is out of range; ShapeError if the kernel does not fit the padded image
   */
  protected constructor(kind: CellKind, options: RecurrentCellOptions, perPosition?: PerPosition) {
    super();
    const { op, gates } = kind;
    const settings = resolveCell(kind, options);
    const { inputChannels, hiddenChannels, norm } = settings;
    this.op = op;
    this.gates = gates;
    this.stateNames = kind.stateNames;
    this.inputChannels = inputChannels;
    this.hiddenChannels = hiddenChannels;
    this.spatialDims = settings.spatialDims;
    this.norm = norm;
    this.normGroups = settings.normGroups;
    this.inputDropout = settings.inputDropout;
    this.recurrentDropout = settings.recurrentDropout;
    this.dropoutMasks = settings.dropoutMasks;
    this.generator = options.generator;
    this.zoneout = settings.zoneout;
    this.zoneoutInEvaluation = options.zoneoutInEvaluation ?? "off";
    this.activation = settings.activation;
    this.recurrentActivation = settings.recurrentActivation;
    this.inputConv = settings.inputConv;
    this.stateConv = settings.stateConv;

    this.perPosition = norm === "layer" ? { what: 'the norm "layer"', instead: 'the norm "group"' } : perPosition;
    this.inputShape = inputChannels === 0 ? undefined : settings.inputShape;
    this.fixedSize = this.perPosition && this.fixedSizeOf(options.imageSize, this.perPosition);
    if (options.imageSize !== undefined) this.sizeOfStates(op, options.imageSize);
    const weights = makeCellWeights(kind, options, settings, this.fixedSize);
    this.inputWeight = weights.inputWeight;
    this.stateWeight = weights.stateWeight;
    this.bias = weights.bias;
    this.normWeight = weights.normWeight;
    this.learnedState = weights.learnedState;
  }

  /** The tensors of a state, in the order of {@link stateNames}. */
  abstract partsOf(state: State): Tensor[];

  /** A state of its tensors, in the order of {@link stateNames}. */
  abstract stateOf(parts: readonly Tensor[]): State;

  /**
   * The state after a step.
   * @param inputGates - `[N, gates·H, …]`, neither normalized nor with a bias; `undefined` without input
   */
  protected abstract next(inputGates: Tensor | undefined, state: State, masks: SequenceMasks): State;

  private fixedSizeOf(imageSize: readonly number[] | undefined, { what, instead }: PerPosition): number[] {
    if (imageSize === undefined) {
      throw new ArgumentError(
        this.op,
        `${what} has a weight per position, so it needs imageSize with ${this.spatialDims} sizes, got none; or use ${instead}, which fits every size`,
        { expected: this.spatialDims, got: imageSize },
      );
    }
    return this.sizeOfStates(this.op, imageSize);
  }

  /**
   * Spatial sizes of the states.
   * @param imageSize - spatial sizes of the input; of the states themselves for a cell without input
   * @throws ShapeError if the kernel does not fit into the padded image
   */
  sizeOfStates(op: string, imageSize: Shape): number[] {
    if (this.inputShape === undefined) return [...imageSize];
    const geometry = convGeometry(op, [1, this.inputChannels, ...imageSize], this.inputShape, this.inputConv);
    return geometry.axes.map((axis) => axis.outSize);
  }

  /** @throws DTypeError, DeviceError unless a tensor (called `name`) has the dtype and device of the weights */
  checkHome(op: string, name: string, tensor: Tensor): void {
    checkHome(op, name, tensor, this.stateWeight);
  }

  /**
   * Checks what a step is about to be given.
   * @param spatial - sizes of the states
   * @throws ShapeError, DTypeError, DeviceError naming both sides
   */
  checkState(op: string, batch: number, spatial: Shape, state: State): void {
    const expected = [batch, this.hiddenChannels, ...spatial];
    checkParts(op, this.stateNames, this.partsOf(state), expected, this.stateWeight);
    if (this.fixedSize !== undefined && !sameShape(this.fixedSize, spatial)) {
      throw new ShapeError(
        op,
        `${this.perPosition?.what} was built for states of ${formatShape(this.fixedSize)} but these are ${formatShape(spatial)}; use ${this.perPosition?.instead} for changing sizes`,
        { expected: this.fixedSize, got: spatial },
      );
    }
  }

  /** States before the first step: 0, or what was learned. @param spatial - sizes of the states */
  initialState(batch: number, spatial: Shape): State {
    const shape = [batch, this.hiddenChannels, ...spatial];
    const learned = this.learnedState?.unbind(0);
    return this.stateOf(
      this.stateNames.map((_, part) => learned?.[part]?.expand(shape) ?? zeros(shape, this.stateWeight)),
    );
  }

  /**
   * Draws what is random in a sequence; nothing is in evaluation.
   * @param imageSize - spatial sizes of the input
   * @param spatial - sizes of the states
   */
  drawMasks(batch: number, imageSize: Shape, spatial: Shape): SequenceMasks {
    if (!this.training) return noMasks;
    const count = this.dropoutMasks === "gate" ? this.gates : 1;
    const masks = (p: number, channels: number, size: Shape): Tensor[] | undefined =>
      p === 0 ? undefined : dropoutMasks(count, p, [batch, channels, ...size], this.stateWeight, this.generator);
    return {
      input: masks(this.inputDropout, this.inputChannels, imageSize),
      state: masks(this.recurrentDropout, this.hiddenChannels, spatial),
      steps: this.zoneout.some((p) => p > 0) ? streamOf(this.generator) : undefined,
    };
  }

  /** Pre-activations from the input of all steps, `[T, N, C, …]` to `[T·N, gates·H, …]`: one convolution. */
  protected inputGates(x: Tensor, masks: SequenceMasks, bias?: Tensor): Tensor | undefined {
    if (this.inputWeight === undefined) return undefined;
    const { frames, groups } = gateInput(x, 2, this.gates, this.inputConv.groups, masks.input);
    const [steps = 0, batch = 0, ...frame] = frames.shape;
    const images = frames.reshape([steps * batch, ...frame]);
    return convolve(this.spatialDims, images, this.inputWeight, bias, { ...this.inputConv, groups });
  }

  /** The rows that some gates have in a weight or bias. */
  private rowsOf(parameter: Parameter, first: number, count: number): Tensor {
    if (count === this.gates) return parameter;
    return parameter.narrow(0, first * this.hiddenChannels, count * this.hiddenChannels);
  }

  /**
   * Pre-activations of some gates from the hidden state, `[N, count·H, …]`; of all if not said.
   * @param first - which gate is the first of them
   */
  protected stateGates(h: Tensor, masks: SequenceMasks, bias?: Tensor, first = 0, count: number = this.gates): Tensor {
    const { state = [] } = masks;
    const own = state.length === this.gates ? state.slice(first, first + count) : state;
    const { frames, groups } = gateInput(h, 1, count, this.stateConv.groups, own);
    const weight = this.rowsOf(this.stateWeight, first, count);
    return convolve(this.spatialDims, frames, weight, bias, { ...this.stateConv, groups });
  }

  /**
   * Normalizes pre-activations block by block.
   * @param gates - `[N, n·H, …]`, those of `n` blocks: of gates, unless a kind of cell says otherwise
   * @param first - which block is the first of them
   */
  protected normalized(gates: Tensor, first: number): Tensor {
    if (this.normWeight === undefined) return gates;
    const [batch = 0, channels = 0, ...spatial] = gates.shape;
    const groups = (channels / this.hiddenChannels) * this.normGroups;
    const grouped = gates.reshape([batch, groups, (channels / groups) * sizeOf(spatial)]);
    const weight = this.normWeight.narrow(0, first * this.hiddenChannels, channels);
    const perChannel = this.norm === "layer" ? weight : weight.reshape([channels, ...spatial.map(() => 1)]);
    return normalize(grouped, [2], 1e-5).reshape(gates.shape).mul(perChannel);
  }

  /** The bias of some gates, `[n·H, 1…]`, to be added to theirs. */
  protected biasOf(first: number, count: number): Tensor | undefined {
    const channels = count * this.hiddenChannels;
    const ones = Array.from({ length: this.spatialDims }, () => 1);
    return this.bias?.narrow(0, first * this.hiddenChannels, channels).reshape([channels, ...ones]);
  }

  /**
   * Pre-activations of some gates, `[N, count·H, …]`; of all if not said.
   * @param inputGates - theirs, `[N, count·H, …]`; `undefined` without input
   * @param first - which gate is the first of them
   */
  protected preActivations(
    inputGates: Tensor | undefined,
    h: Tensor,
    masks: SequenceMasks,
    first = 0,
    count: number = this.gates,
  ): Tensor {
    // Without a norm the convolution adds the bias as it goes.
    const inside = this.norm === "none" ? this.bias && this.rowsOf(this.bias, first, count) : undefined;
    const stateGates = this.stateGates(h, masks, inside, first, count);
    const gates = this.normalized(inputGates === undefined ? stateGates : inputGates.add(stateGates), first);
    const outside = this.norm === "none" ? undefined : this.biasOf(first, count);
    return outside === undefined ? gates : gates.add(outside);
  }

  /** Whether old and new states are mixed, as zoneout does on average. */
  protected get mixesStates(): boolean {
    return !this.training && this.zoneoutInEvaluation === "expected" && this.zoneout.some((p) => p > 0);
  }

  private advance(inputGates: Tensor | undefined, state: State, masks: SequenceMasks): State {
    const after = this.next(inputGates, state, masks);
    const { steps } = masks;
    if (steps === undefined && !this.mixesStates) return after;
    const before = this.partsOf(state);
    return this.stateOf(this.partsOf(after).map((part, k) => zoneout(at(before, k), part, at(this.zoneout, k), steps)));
  }

  /**
   * Runs over a sequence whose shapes have been checked: the input-to-state convolution of all steps at once, the rest step by step.
   * @param x - `[T, N, C, …]`, or `undefined` for a cell without input
   * @param state - before the first step
   * @param masks - of {@link drawMasks}
   */
  sequence(x: Tensor | undefined, steps: number, state: State, masks: SequenceMasks): SequenceResult<State> {
    const [batch = 0] = state.h.shape;
    const inputGates = x && this.inputGates(x, masks)?.split(batch);
    const hidden: Tensor[] = [];
    let last = state;
    for (let t = 0; t < steps; t++) {
      last = this.advance(inputGates?.[t], last, masks);
      hidden.push(last.h);
    }
    return { hidden: stack(hidden), state: last };
  }

  /**
   * One step.
   * @param x - `[N, C, …]`; `undefined` for a cell without input
   * @param state - tensors `[N, H, …]`; zeros, or what was learned, if left out
   * @param masks - what is dropped throughout a sequence, of {@link drawMasks}; nothing is in evaluation. Default: drawn anew
   * @returns the state after the step; its `h` is the output
   * @throws ShapeError if input and states do not fit; ArgumentError if input is missing or superfluous; DTypeError, DeviceError
   */
  forward(x: Tensor | undefined, state?: State, masks?: SequenceMasks): State {
    const { op } = this;
    if ((x === undefined) !== (this.inputWeight === undefined)) {
      const problem =
        x === undefined
          ? `needs an input of ${this.inputChannels} channels`
          : "was built with inputChannels 0 and takes no input";
      throw new ArgumentError(op, problem, { expected: this.inputChannels, got: x?.shape });
    }
    const like = x ?? state?.h;
    if (like === undefined) throw new ArgumentError(op, "a cell without input needs a state to start from");
    checkAxes(op, like, this.spatialDims);
    const [batch = 0, , ...imageSize] = like.shape;
    if (x !== undefined) {
      this.checkHome(op, "input", x);
      checkChannels(op, x, this.inputChannels);
    }
    const spatial = this.sizeOfStates(op, imageSize);
    const before = state ?? this.initialState(batch, spatial);
    this.checkState(op, batch, spatial, before);
    const drawn = (this.training ? masks : undefined) ?? this.drawMasks(batch, imageSize, spatial);
    return this.advance(x && this.inputGates(x.unsqueeze(0), drawn), before, drawn);
  }
}
