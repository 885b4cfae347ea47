import { ArgumentError } from "@squall/device";
import { defaultGenerator, type Tensor, zeros } from "@squall/tensor";
import { checkChoice } from "../arguments.ts";
import { creation } from "../module/options.ts";
import { Parameter } from "../module/parameter.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { RecurrentCell, type SequenceResult } from "../recurrent/cell.ts";
import { resolveInit } from "../recurrent/cellInit.ts";
import { convolve, gateInput } from "../recurrent/gateConv.ts";
import { cellNames } from "../recurrent/names.ts";
import type { SequenceMasks } from "../recurrent/noise.ts";
import type { KernelSize, RecurrentCellOptions } from "../recurrent/options.ts";
import { resolveKernel } from "../recurrent/resolveOptions.ts";
import { type LSTMState, type Peepholes, updateState, weightPeepholes } from "./gates.ts";
import { lstmStep } from "./lstmStep.ts";
import { runSequence } from "./sequence.ts";

/**
 * Connections from the cell state to the gates: none, one weight per channel (the paper's, fit for every image size), one per channel and
 * position (fixes the image size), or a convolution.
 */
export type PeepholeKind = "none" | "channel" | "full" | "conv";

/** Options of one {@link ConvLSTMCell}. */
export interface ConvLSTMCellOptions extends RecurrentCellOptions {
  /** Connections from the cell state to the gates. Default `"none"`. */
  readonly peephole?: PeepholeKind;
  /** Kernel of the peephole `"conv"`. Default: `stateKernelSize`. */
  readonly peepholeKernelSize?: KernelSize;
  /** Initial bias of the forget gate, so that a fresh cell remembers. Default 1, but 0 with the initializers `"pytorch"`. */
  readonly forgetBias?: number;
}

/** Names of the options of {@link ConvLSTMCell}. */
export const convLSTMCellNames: Names<ConvLSTMCellOptions> = {
  ...cellNames,
  peephole: true,
  peepholeKernelSize: true,
  forgetBias: true,
};

const kinds: readonly PeepholeKind[] = ["none", "channel", "full", "conv"];

/**
 * One ConvLSTM cell (Shi et al. 2015, equation 3). `∗` is a convolution, `∘` the elementwise product:
 *
 * ```text
 * i  = σ(Wxi ∗ x + Whi ∗ h + Wci ∘ c + bi)
 * f  = σ(Wxf ∗ x + Whf ∗ h + Wcf ∘ c + bf)
 * g  = tanh(Wxg ∗ x + Whg ∗ h + bg)
 * c′ = f ∘ c + i ∘ g
 * o  = σ(Wxo ∗ x + Who ∗ h + Wco ∘ c′ + bo)
 * h′ = o ∘ tanh(c′)
 * ```
 *
 * Shapes: `x [N, C, …]`, `h`, `c` and all gates `[N, H, …]` with the sizes that the input convolution makes; `inputWeight [4H, C, …k]`,
 * `stateWeight [4H, H, …k′]`, `bias [4H]` hold the gates i, f, o, g one after the other. By default both convolutions keep the image size
 * (even kernels pad the odd zero behind, as TensorFlow's `same`). The peephole `"conv"` has `Wc ∗ c` in the place of `Wc ∘ c`.
 *
 * Options change `σ` (`recurrentActivation`) and `tanh` (`activation`), normalize pre-activations, drop elements of `x` and `h`, and keep
 * old states (`zoneout`); see {@link RecurrentCellOptions}.
 */
export class ConvLSTMCell extends RecurrentCell<LSTMState> {
  /** Kind of peephole. */
  readonly peepholeKind: PeepholeKind;
  /** Peephole weights of i, f and o: `[3, H, 1…]` (channel), `[3, H, …size]` (full) or `[3H, H, …k]` (conv). */
  peephole: Parameter | undefined;
  /** Whether the gates are those that devices have kernels for. */
  private readonly isStandard: boolean;

  /**
   * @throws ArgumentError if an option is out of range, or `imageSize` is missing for weights per position; ShapeError if the kernel does not
   * fit into the padded image
   */
  constructor(options: ConvLSTMCellOptions) {
    const op = "ConvLSTMCell";
    checkNames(op, options, convLSTMCellNames);
    const { peephole = "none", hiddenChannels, activation = "tanh", recurrentActivation = "sigmoid" } = options;
    checkChoice(op, "peephole", peephole, kinds);
    if (options.peepholeKernelSize !== undefined && peephole !== "conv") {
      throw new ArgumentError(op, `peepholeKernelSize is for the peephole "conv", but peephole is "${peephole}"`, {
        expected: "conv",
        got: peephole,
      });
    }
    const forget = { gate: 1, bias: options.forgetBias };
    const kind = { op, gates: 4, stateNames: ["h", "c"], forget };
    const perPosition = { what: 'peephole "full"', instead: 'peephole "channel"' };
    super(kind, options, peephole === "full" ? perPosition : undefined);
    this.peepholeKind = peephole;
    this.isStandard = activation === "tanh" && recurrentActivation === "sigmoid";
    this.peephole = undefined;
    if (peephole !== "none") {
      const shape = {
        channel: [3, hiddenChannels, ...this.stateWeight.shape.slice(2).map(() => 1)],
        full: [3, hiddenChannels, ...(this.fixedSize ?? [])],
        conv: [3 * hiddenChannels, hiddenChannels, ...this.peepholeKernel(options)],
      }[peephole];
      const weight = zeros(shape, creation(options));
      const { generator } = this;
      resolveInit(op, options.init, 1).peephole(weight, { generator: generator ?? defaultGenerator() });
      this.peephole = new Parameter(weight);
    }
  }

  private peepholeKernel({ peepholeKernelSize }: ConvLSTMCellOptions): number[] {
    if (peepholeKernelSize === undefined) return this.stateWeight.shape.slice(2);
    return resolveKernel(this.op, "peepholeKernelSize", peepholeKernelSize, this.spatialDims);
  }

  /** `[h, c]` */
  override partsOf({ h, c }: LSTMState): Tensor[] {
    return [h, c];
  }

  /** The state of `[h, c]`. @throws ArgumentError if one is missing */
  override stateOf([h, c]: readonly Tensor[]): LSTMState {
    if (h === undefined || c === undefined) throw new ArgumentError(this.op, "a state has two parts, h and c");
    return { h, c };
  }

  private peepholes(): Peepholes | undefined {
    const { peephole, hiddenChannels, spatialDims } = this;
    if (peephole === undefined || this.peepholeKind !== "conv") return weightPeepholes(peephole);
    const conv = (c: Tensor, first: number, count: number): Tensor => {
      const weight = peephole.narrow(0, first * hiddenChannels, count * hiddenChannels);
      return convolve(spatialDims, c, weight, undefined, { padding: "same" });
    };
    return {
      before: (c) => {
        const both = conv(c, 0, 2);
        return [both.narrow(1, 0, hiddenChannels), both.narrow(1, hiddenChannels, hiddenChannels)];
      },
      after: (c) => conv(c, 2, 1),
    };
  }

  protected override next(inputGates: Tensor | undefined, { h, c }: LSTMState, masks: SequenceMasks): LSTMState {
    const gates = this.preActivations(inputGates, h, masks);
    const { peepholeKind: kind } = this;
    if (this.isStandard && kind !== "conv") return lstmStep(gates, c, kind, this.peephole);
    return updateState(gates, c, this.peepholes(), this);
  }

  /** As the base class has it, but as one fused operation where there is nothing in it that devices have no kernels for. */
  override sequence(
    x: Tensor | undefined,
    steps: number,
    state: LSTMState,
    masks: SequenceMasks,
  ): SequenceResult<LSTMState> {
    const { peepholeKind } = this;
    const isFused = this.isStandard && this.norm === "none" && this.stateConv.groups === 1;
    const isRandom = masks.state !== undefined || masks.steps !== undefined;
    if (!isFused || isRandom || this.mixesStates || peepholeKind === "conv") {
      return super.sequence(x, steps, state, masks);
    }
    const input = x && gateInput(x, 2, this.gates, this.inputConv.groups, masks.input);
    const { inputWeight, stateWeight, stateConv, bias, peephole } = this;
    const inputConv = { ...this.inputConv, groups: input?.groups ?? 1 };
    const frames = input?.frames;
    const problem = { frames, inputWeight, inputConv, stateWeight, stateConv, bias, peepholeKind, peephole };
    return runSequence(problem, steps, state);
  }
}
