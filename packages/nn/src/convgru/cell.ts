import { ArgumentError, expressions as e, elementwise } from "@squall/device";
import { applyElementwise, defaultGenerator, type Tensor, zeros } from "@squall/tensor";
import { checkFlags } from "../arguments.ts";
import { at } from "../at.ts";
import { creation } from "../module/options.ts";
import { Parameter } from "../module/parameter.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { RecurrentCell } from "../recurrent/cell.ts";
import { resolveInit, tapsOf } from "../recurrent/cellInit.ts";
import { cellNames } from "../recurrent/names.ts";
import type { SequenceMasks } from "../recurrent/noise.ts";
import type { RecurrentCellOptions } from "../recurrent/options.ts";

/** State of a ConvGRU layer. */
export interface GRUState {
  /** Hidden state, `[N, H, …]`. */
  readonly h: Tensor;
}

/** Options of one {@link ConvGRUCell}. */
export interface ConvGRUCellOptions extends RecurrentCellOptions {
  /**
   * Whether the reset gate multiplies what the state-to-state convolution makes for the candidate (PyTorch, Keras by default, Shi et al.
   * 2017), rather than the state that goes into it (Ballas et al. 2016). Default true.
   */
  readonly resetAfter?: boolean;
}

/** Names of the options of {@link ConvGRUCell}. */
export const convGRUCellNames: Names<ConvGRUCellOptions> = { ...cellNames, resetAfter: true };

const [update, before, candidate] = [e.input(0), e.input(1), e.input(2)];

/** `(1 - z) ∘ n + z ∘ h`, of z, h and n. */
const mix = elementwise({
  name: "gruMix",
  arity: 3,
  value: e.add(candidate, e.mul(update, e.sub(before, candidate))),
});

/**
 * One convolutional GRU cell (Ballas et al. 2016), with the gates of PyTorch's `GRU`. `∗` is a convolution, `∘` the elementwise product:
 *
 * ```text
 * r  = σ(Wxr ∗ x + Whr ∗ h + br)
 * z  = σ(Wxz ∗ x + Whz ∗ h + bz)
 * n  = tanh(Wxn ∗ x + bn + r ∘ (Whn ∗ h + bhn))     resetAfter
 * n  = tanh(Wxn ∗ x + Whn ∗ (r ∘ h) + bn)           resetAfter: false
 * h′ = (1 - z) ∘ n + z ∘ h
 * ```
 *
 * Keras and Shi et al. 2017 write the last line in the same way; Ballas et al. have `z` and `1 - z` the other way round.
 *
 * Shapes: `x [N, C, …]`, `h` and all gates `[N, H, …]` with the sizes that the input convolution makes; `inputWeight [3H, C, …k]`,
 * `stateWeight [3H, H, …k′]`, `bias [3H]` hold the gates r, z, n one after the other, `candidateBias [H]` is `bhn`. On a 1×1 grid with 1×1
 * kernels this is PyTorch's `GRU`, with its `bias_ih + bias_hh` as biases of r and z.
 *
 * With a norm, the sums of r and of z are normalized before their biases are added. With `resetAfter` the candidate has two parts, and
 * `Wxn ∗ x` and `Whn ∗ h` are normalized each by itself; else their sum is. `normWeight` has a block of H for r, for z, and for each of what
 * is normalized for the candidate, in that order: `[4H, …]` with `resetAfter` and an input, else `[3H, …]`.
 *
 * Options change `σ` (`recurrentActivation`) and `tanh` (`activation`), drop elements of `x` and `h` on their way into the convolutions, and
 * keep old states (`zoneout`); see {@link RecurrentCellOptions}.
 */
export class ConvGRUCell extends RecurrentCell<GRUState> {
  /** Whether the reset gate multiplies the state after its convolution. */
  readonly resetAfter: boolean;
  /** Bias `bhn`, `[H]`, inside the reset gate, initially as `bias`; only with `resetAfter` and `bias`. */
  candidateBias: Parameter | undefined;

  /**
   * @throws ArgumentError if an option is out of range, or `imageSize` is missing for weights per position; ShapeError if the kernel does not
   * fit into the padded image
   */
  constructor(options: ConvGRUCellOptions) {
    const op = "ConvGRUCell";
    checkNames(op, options, convGRUCellNames);
    checkFlags(op, { resetAfter: options.resetAfter });
    const { resetAfter = true, inputChannels, hiddenChannels } = options;
    super({ op, gates: 3, stateNames: ["h"], normalized: resetAfter && inputChannels > 0 ? 4 : 3 }, options);
    this.resetAfter = resetAfter;
    this.candidateBias = undefined;
    if (resetAfter && this.bias !== undefined) {
      const bias = zeros([hiddenChannels], creation(options));
      const { bias: fill } = resolveInit(op, options.init, tapsOf(this.inputWeight?.shape, this.stateWeight.shape));
      fill(bias, { generator: this.generator ?? defaultGenerator() });
      this.candidateBias = new Parameter(bias);
    }
  }

  /** `[h]` */
  override partsOf({ h }: GRUState): Tensor[] {
    return [h];
  }

  /** The state of `[h]`. @throws ArgumentError if it is missing */
  override stateOf([h]: readonly Tensor[]): GRUState {
    if (h === undefined) throw new ArgumentError(this.op, "a state has one part, h");
    return { h };
  }

  protected override next(inputGates: Tensor | undefined, { h }: GRUState, masks: SequenceMasks): GRUState {
    const input = inputGates && this.cut(inputGates);
    const { update, candidate } = this.resetAfter
      ? this.resettingAfter(input, h, masks)
      : this.resettingBefore(input, h, masks);
    return { h: applyElementwise(mix, [update, h, this.activation(candidate)]) };
  }

  private resettingBefore(input: Blocks | undefined, h: Tensor, masks: SequenceMasks): Step {
    const { reset, update } = this.squashed(this.preActivations(input?.gates, h, masks, 0, 2));
    return { update, candidate: this.preActivations(input?.candidate, reset.mul(h), masks, 2, 1) };
  }

  private resettingAfter(input: Blocks | undefined, h: Tensor, masks: SequenceMasks): Step {
    const state = this.cut(this.stateGates(h, masks));
    const sums = this.normalized(plus(state.gates, input?.gates), 0);
    const { reset, update } = this.squashed(plus(sums, this.biasOf(0, 2)));
    const fromInput = input && this.normalized(input.candidate, 2);
    const fromState = this.normalized(state.candidate, input === undefined ? 2 : 3);
    const ones = Array.from({ length: this.spatialDims }, () => 1);
    const inner = plus(fromState, this.candidateBias?.reshape([this.hiddenChannels, ...ones]));
    return { update, candidate: plus(plus(reset.mul(inner), fromInput), this.biasOf(2, 1)) };
  }

  /** @param all - pre-activations of r, z, n, `[N, 3H, …]` */
  private cut(all: Tensor): Blocks {
    const { hiddenChannels: size } = this;
    const parts = all.split([2 * size, size], 1);
    return { gates: at(parts, 0), candidate: at(parts, 1) };
  }

  /** @param gates - pre-activations of r and z, `[N, 2H, …]` */
  private squashed(gates: Tensor): { reset: Tensor; update: Tensor } {
    const parts = this.recurrentActivation(gates).chunk(2, 1);
    return { reset: at(parts, 0), update: at(parts, 1) };
  }
}

/** Pre-activations of both kinds. */
interface Blocks {
  /** Of r and z, `[N, 2H, …]`. */
  readonly gates: Tensor;
  /** Of the candidate, `[N, H, …]`. */
  readonly candidate: Tensor;
}

/** What makes the next state. */
interface Step {
  /** The gate z, `[N, H, …]`. */
  readonly update: Tensor;
  /** The candidate before it is squashed, `[N, H, …]`. */
  readonly candidate: Tensor;
}

function plus(x: Tensor, y: Tensor | undefined): Tensor {
  return y === undefined ? x : x.add(y);
}
