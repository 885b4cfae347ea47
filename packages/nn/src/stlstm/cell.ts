import { ArgumentError, formatShape, type Shape, ShapeError } from "@squall/device";
import { cat, defaultGenerator, scope, type Tensor, tensor, zeros } from "@squall/tensor";
import { checkFlags, checkNumber, checkWhole } from "../arguments.ts";
import { at } from "../at.ts";
import type { LSTMState } from "../convlstm/gates.ts";
import { Module } from "../module/module.ts";
import { creation, type ModuleOptions, moduleNames } from "../module/options.ts";
import { Parameter } from "../module/parameter.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { checkAxes, checkChannels, checkHome, checkParts, checkSpatialDims } from "../recurrent/cellChecks.ts";
import { type CellInit, type Initializer, resolveInit, tapsOf } from "../recurrent/cellInit.ts";
import { convolve } from "../recurrent/gateConv.ts";
import type { KernelSize, SpatialDims } from "../recurrent/options.ts";
import { resolveKernel } from "../recurrent/resolveOptions.ts";

/** State of an {@link STLSTMCell}. */
export interface STLSTMState extends LSTMState {
  /** Spatiotemporal memory, `[N, H, …]`. */
  readonly m: Tensor;
}

/** Options of one {@link STLSTMCell}. */
export interface STLSTMCellOptions extends ModuleOptions {
  /** Channels C of the input. */
  readonly inputChannels: number;
  /** Channels H of each state. */
  readonly hiddenChannels: number;
  /** Kernel of all convolutions but the 1×1 one. They keep the image size. */
  readonly kernelSize: KernelSize;
  /** Spatial axes. Default 2. */
  readonly spatialDims?: SpatialDims;
  /** One learned number per gate and channel. Default true; OpenSTL has none. */
  readonly bias?: boolean;
  /** Initial bias of both forget gates, so that a fresh cell remembers. Default 1, but 0 with the initializers `"pytorch"`. */
  readonly forgetBias?: number;
  /**
   * Initial weights: a preset's, or your own per group of weights; that of `stateWeight` fills all weights that see states. Presets that go by
   * the taps of a pre-activation take those of its own: of o, and of the 1×1 convolution too. Default `"lecun"`.
   */
  readonly init?: CellInit;
}

const stateNames = ["h", "c", "m"] as const;

const names: Names<STLSTMCellOptions> = {
  inputChannels: true,
  hiddenChannels: true,
  kernelSize: true,
  spatialDims: true,
  bias: true,
  forgetBias: true,
  init: true,
  ...moduleNames,
};

/**
 * One spatiotemporal LSTM cell, the unit of PredRNN (Wang et al. 2017, section 3.2). Beside the cell state c, which goes from step to step, it
 * has a memory m that goes up through the layers of one step, and from the top layer to the bottom layer of the next. `∗` is a convolution,
 * `∘` the elementwise product, `[c′, m′]` all channels of both:
 *
 * ```text
 * i  = σ(Wxi ∗ x + Whi ∗ h + bi)                  i₂ = σ(Wxi₂ ∗ x + Wmi ∗ m + bi₂)
 * f  = σ(Wxf ∗ x + Whf ∗ h + bf)                  f₂ = σ(Wxf₂ ∗ x + Wmf ∗ m + bf₂)
 * g  = tanh(Wxg ∗ x + Whg ∗ h + bg)               g₂ = tanh(Wxg₂ ∗ x + Wmg ∗ m + bg₂)
 * c′ = f ∘ c + i ∘ g                              m′ = f₂ ∘ m + i₂ ∘ g₂
 * o  = σ(Wxo ∗ x + Who ∗ h + Wo ∗ [c′, m′] + bo)
 * h′ = o ∘ tanh(W₁ ∗ [c′, m′])
 * ```
 *
 * Shapes: `x [N, C, …]`, states and gates `[N, H, …]`. Weights hold their gates one after the other: `inputWeight [7H, C, …k]` and
 * `bias [7H]` those of i, f, o, g, i₂, f₂, g₂; `stateWeight [4H, H, …k]` of i, f, o, g; `memoryWeight [3H, H, …k]` of i₂, f₂, g₂.
 * `outputWeight [H, 2H, …k]` is `Wo`, `fusionWeight [H, 2H, 1…]` is `W₁`, without a bias. OpenSTL's cell is this one with its gates in another
 * order (i, f, g, i₂, f₂, g₂, o; i, f, g, o; i₂, f₂, g₂), and with its forget bias, added at run time, in `bias`.
 */
export class STLSTMCell extends Module {
  /** Channels C of the input. */
  readonly inputChannels: number;
  /** Channels H of each state. */
  readonly hiddenChannels: number;
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** Input-to-state weight `[7H, C, …k]`, gates i, f, o, g, i₂, f₂, g₂. */
  inputWeight: Parameter;
  /** State-to-state weight `[4H, H, …k]`, gates i, f, o, g. */
  stateWeight: Parameter;
  /** Weight from the spatiotemporal memory `[3H, H, …k]`, gates i₂, f₂, g₂. */
  memoryWeight: Parameter;
  /** Weight from both new memories to the output gate, `[H, 2H, …k]`, first those of c′. */
  outputWeight: Parameter;
  /** 1×1 weight from both new memories to what the output gate lets through, `[H, 2H, 1…]`, first those of c′. */
  fusionWeight: Parameter;
  /** Bias `[7H]`, gates i, f, o, g, i₂, f₂, g₂. */
  bias: Parameter | undefined;

  /** @throws ArgumentError if an option is out of range */
  constructor(options: STLSTMCellOptions) {
    super();
    const op = "STLSTMCell";
    checkNames(op, options, names);
    checkFlags(op, { bias: options.bias });
    if (options.bias === false && options.forgetBias !== undefined) {
      throw new ArgumentError(op, "forgetBias is part of the bias, but bias is false; leave one of them out", {
        got: options.forgetBias,
      });
    }
    const { inputChannels, hiddenChannels: size, spatialDims = 2 } = options;
    checkWhole(op, "inputChannels", inputChannels, 1);
    checkWhole(op, "hiddenChannels", size, 1);
    checkSpatialDims(op, spatialDims);
    const kernel = resolveKernel(op, "kernelSize", options.kernelSize, spatialDims);
    this.inputChannels = inputChannels;
    this.hiddenChannels = size;
    this.spatialDims = spatialDims;
    const generator = options.generator ?? defaultGenerator();
    const filled = (shape: Shape, fill: Initializer): Tensor => {
      const target = zeros(shape, creation(options));
      fill(target, { generator });
      return target;
    };
    const input = [7 * size, inputChannels, ...kernel];
    const state = [4 * size, size, ...kernel];
    const output = [size, 2 * size, ...kernel];
    const fusion = [size, 2 * size, ...kernel.map(() => 1)];
    const init = resolveInit(op, options.init, tapsOf(input, state));
    this.inputWeight = new Parameter(filled(input, init.inputWeight));
    this.stateWeight = new Parameter(filled(state, init.stateWeight));
    this.memoryWeight = new Parameter(filled([3 * size, size, ...kernel], init.stateWeight));
    const ofOutput = resolveInit(op, options.init, tapsOf(input, state, output));
    this.outputWeight = new Parameter(filled(output, ofOutput.stateWeight));
    this.fusionWeight = new Parameter(filled(fusion, resolveInit(op, options.init, tapsOf(fusion)).stateWeight));
    this.bias = undefined;
    const { forgetBias = init.forgetBias } = options;
    checkNumber(op, "forgetBias", forgetBias, "a number");
    if (options.bias ?? true) {
      const added = new Float64Array(7 * size);
      for (const gate of [1, 5]) added.fill(forgetBias, gate * size, (gate + 1) * size);
      const forget = (): Tensor => tensor(added, { dtype: "float32", ...creation(options) });
      this.bias = new Parameter(scope(() => filled([7 * size], init.bias).add(forget())));
    }
  }

  /**
   * States before the first step: 0.
   * @param imageSize - spatial sizes of the input, which the states share
   * @throws ShapeError unless there is one size per spatial axis
   */
  initialState(batch: number, imageSize: Shape): STLSTMState {
    const op = "STLSTMCell.initialState";
    if (imageSize.length !== this.spatialDims) {
      throw new ShapeError(op, `imageSize needs ${this.spatialDims} sizes, got ${formatShape(imageSize)}`, {
        expected: this.spatialDims,
        got: imageSize,
      });
    }
    const zero = (): Tensor => zeros([batch, this.hiddenChannels, ...imageSize], this.stateWeight);
    return { h: zero(), c: zero(), m: zero() };
  }

  /**
   * One step.
   * @param x - `[N, C, …]`
   * @param state - tensors `[N, H, …]`: h and c of this layer's last step, m of the layer below, or of the top layer's last step for the
   * bottom one; zeros if left out
   * @returns the state after the step; its `h` is the output
   * @throws ShapeError if input and states do not fit; DTypeError, DeviceError
   */
  forward(x: Tensor, state?: STLSTMState): STLSTMState {
    const op = "STLSTMCell";
    const { hiddenChannels: size, spatialDims } = this;
    checkHome(op, "input", x, this.inputWeight);
    checkAxes(op, x, spatialDims);
    checkChannels(op, x, this.inputChannels);
    const [batch = 0, , ...imageSize] = x.shape;
    const { h, c, m } = state ?? this.initialState(batch, imageSize);
    checkParts(op, stateNames, [h, c, m], [batch, size, ...imageSize], this.inputWeight);

    const conv = (from: Tensor, weight: Tensor, bias?: Tensor): Tensor =>
      convolve(spatialDims, from, weight, bias, { padding: "same" });
    const parts = (gates: Tensor, ...counts: readonly number[]): Tensor[] =>
      gates.split(
        counts.map((count) => count * size),
        1,
      );
    const ofInput = conv(x, this.inputWeight, this.bias);
    const fromInput = parts(ofInput, 4, 3);
    const ofCell = parts(at(fromInput, 0).add(conv(h, this.stateWeight)), 2, 1, 1);
    const ofMemory = parts(at(fromInput, 1).add(conv(m, this.memoryWeight)), 2, 1);
    const cell = remember(c, at(ofCell, 0), at(ofCell, 2));
    const memory = remember(m, at(ofMemory, 0), at(ofMemory, 1));
    const both = cat([cell, memory], 1);
    const o = at(ofCell, 1).add(conv(both, this.outputWeight)).sigmoid();
    return { h: o.mul(conv(both, this.fusionWeight).tanh()), c: cell, m: memory };
  }
}

/**
 * A memory after a step.
 * @param before - `[N, H, …]`
 * @param doors - pre-activations of what comes in and what stays, `[N, 2H, …]`
 * @param candidate - pre-activation of what comes in, `[N, H, …]`
 */
function remember(before: Tensor, doors: Tensor, candidate: Tensor): Tensor {
  const both = doors.sigmoid().chunk(2, 1);
  return at(both, 1).mul(before).add(at(both, 0).mul(candidate.tanh()));
}
