import {
  ArgumentError,
  DeviceError,
  DTypeError,
  formatShape,
  type Peephole,
  type Shape,
  ShapeError,
  sameShape,
} from "@squall/device";
import { conv1d, conv2d, conv3d, defaultGenerator, type Generator, type Tensor, tensor, zeros } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { creation, type ModuleOptions } from "../module/options.ts";
import { Parameter } from "../module/parameter.ts";
import { type ConvLSTMCellOptions, checkCount, resolveKernel, type SpatialDims } from "./options.ts";

/** State of a (Conv)LSTM layer. */
export interface LSTMState {
  /** Hidden state, `[N, H, …]`. */
  readonly h: Tensor;
  /** Cell state, `[N, H, …]`. */
  readonly c: Tensor;
}

const convolutions = { 1: conv1d, 2: conv2d, 3: conv3d } as const;
const peepholes: readonly string[] = ["none", "channel", "full"] satisfies Peephole[];

function uniform(shape: Shape, bound: number, generator: Generator, options: ModuleOptions): Parameter {
  const values = Float64Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    () => (2 * generator.next() - 1) * bound,
  );
  return new Parameter(tensor(values, { dtype: "float32", ...creation(options), shape }));
}

/**
 * One ConvLSTM cell (Shi et al. 2015, equation 3), written with plain operations: the readable definition that the fused sequence of
 * {@link ConvLSTM} is tested against.
 *
 * ```text
 * i = σ(Wxi ∗ x + Whi ∗ h + Wci ∘ c + bi)
 * f = σ(Wxf ∗ x + Whf ∗ h + Wcf ∘ c + bf)
 * g = tanh(Wxg ∗ x + Whg ∗ h + bg)
 * c′ = f ∘ c + i ∘ g
 * o = σ(Wxo ∗ x + Who ∗ h + Wco ∘ c′ + bo)
 * h′ = o ∘ tanh(c′)
 * ```
 *
 * Both convolutions keep the image size (even kernels pad the odd zero behind, as TensorFlow's `same`). Weights start uniform
 * with variance 1/(taps that feed one gate) (LeCun), biases at 0 but for the forget gate's, peepholes at 0. PyTorch's default for
 * convolutions has a third of that variance, with which an encoder-forecaster stays at the mean frame for hundreds of steps.
 */
export class ConvLSTMCell extends Module {
  /** Channels C of the input; 0 if there is none. */
  readonly inputChannels: number;
  /** Channels H of the states. */
  readonly hiddenChannels: number;
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** Kind of peephole. */
  readonly peepholeKind: Peephole;
  /** Input-to-state weight `[4H, C, …k]`, gates i, f, o, g; absent without input. */
  inputWeight: Parameter | undefined;
  /** State-to-state weight `[4H, H, …k]`, gates i, f, o, g. */
  stateWeight: Parameter;
  /** Bias `[4H]`, gates i, f, o, g. */
  bias: Parameter | undefined;
  /** Peephole weights of i, f and o: `[3, H, 1…]` (channel) or `[3, H, …size]` (full). */
  peephole: Parameter | undefined;

  /** @throws ArgumentError if an option is out of range, or `imageSize` is missing for the peephole `full` */
  constructor(options: ConvLSTMCellOptions) {
    super();
    const op = "ConvLSTMCell";
    const { inputChannels, hiddenChannels, spatialDims = 2, peephole = "none", forgetBias = 1 } = options;
    checkCount(op, "inputChannels", inputChannels, 0);
    checkCount(op, "hiddenChannels", hiddenChannels, 1);
    if (spatialDims !== 1 && spatialDims !== 2 && spatialDims !== 3) {
      throw new ArgumentError(op, `spatialDims must be 1, 2 or 3, got ${String(spatialDims)}`, { got: spatialDims });
    }
    if (!peepholes.includes(peephole)) {
      throw new ArgumentError(op, `peephole must be one of ${peepholes.join(", ")}, got ${String(peephole)}`, {
        got: peephole,
      });
    }
    if (!Number.isFinite(forgetBias)) {
      throw new ArgumentError(op, `forgetBias must be a number, got ${forgetBias}`, { got: forgetBias });
    }
    const kernel = resolveKernel(op, "kernelSize", options.kernelSize, spatialDims);
    const stateKernel = resolveKernel(
      op,
      "stateKernelSize",
      options.stateKernelSize ?? options.kernelSize,
      spatialDims,
    );
    this.inputChannels = inputChannels;
    this.hiddenChannels = hiddenChannels;
    this.spatialDims = spatialDims;
    this.peepholeKind = peephole;

    const generator = options.generator ?? defaultGenerator();
    const inputShape = [4 * hiddenChannels, inputChannels, ...kernel];
    const stateShape = [4 * hiddenChannels, hiddenChannels, ...stateKernel];
    const taps = [inputShape, stateShape].reduce((sum, shape) => sum + shape.slice(1).reduce((a, b) => a * b, 1), 0);
    const bound = Math.sqrt(3 / taps);
    this.inputWeight = inputChannels === 0 ? undefined : uniform(inputShape, bound, generator, options);
    this.stateWeight = uniform(stateShape, bound, generator, options);
    this.bias = undefined;
    if (options.bias ?? true) {
      const bias = new Float64Array(4 * hiddenChannels).fill(forgetBias, hiddenChannels, 2 * hiddenChannels);
      this.bias = new Parameter(tensor(bias, { dtype: "float32", ...creation(options) }));
    }
    this.peephole = undefined;
    if (peephole !== "none") {
      const positions = peephole === "channel" ? stateKernel.map(() => 1) : this.imageSizeOf(op, options.imageSize);
      this.peephole = new Parameter(zeros([3, hiddenChannels, ...positions], creation(options)));
    }
  }

  private imageSizeOf(op: string, imageSize: readonly number[] | undefined): readonly number[] {
    if (imageSize === undefined || imageSize.length !== this.spatialDims) {
      const got = imageSize === undefined ? "none" : `[${imageSize.join(",")}]`;
      throw new ArgumentError(
        op,
        `peephole "full" has a weight per position, so it needs imageSize with ${this.spatialDims} sizes, got ${got}; or use peephole "channel", which fits every size`,
        { expected: this.spatialDims, got: imageSize },
      );
    }
    for (const size of imageSize) checkCount(op, "imageSize", size, 1);
    return imageSize;
  }

  /** @throws DTypeError, DeviceError unless a tensor (called `name`) has the dtype and device of the weights */
  checkHome(op: string, name: string, tensor: Tensor): void {
    const { dtype, device } = this.stateWeight;
    if (tensor.dtype !== dtype) {
      const remedy = `convert it with to("${dtype}"), or the model with model.to("${tensor.dtype}")`;
      throw new DTypeError(op, `${name} is ${tensor.dtype} but the weights are ${dtype}; ${remedy}`, {
        expected: dtype,
        got: tensor.dtype,
      });
    }
    if (tensor.device !== device) {
      throw new DeviceError(
        op,
        `${name} is on ${tensor.device.name} but the weights are on ${device.name}; move one with to(device)`,
        {
          expected: device.name,
          got: tensor.device.name,
        },
      );
    }
  }

  /**
   * Checks what a step is about to be given.
   * @param spatial - sizes of the image
   * @throws ShapeError, DTypeError, DeviceError naming both sides
   */
  checkState(op: string, batch: number, spatial: Shape, state: LSTMState): void {
    const expected = [batch, this.hiddenChannels, ...spatial];
    for (const [name, value] of [
      ["h", state.h],
      ["c", state.c],
    ] as const) {
      this.checkHome(op, `state ${name}`, value);
      if (!sameShape(value.shape, expected)) {
        throw new ShapeError(
          op,
          `state ${name} has shape ${formatShape(value.shape)} but [N,H,…] = ${formatShape(expected)} is needed`,
          {
            expected,
            got: value.shape,
          },
        );
      }
    }
    const size = this.peephole?.shape.slice(2);
    if (this.peepholeKind === "full" && size !== undefined && !sameShape(size, spatial)) {
      throw new ShapeError(
        op,
        `peephole "full" was built for images of ${formatShape(size)} but the input has ${formatShape(spatial)}; use peephole "channel" for changing sizes`,
        { expected: size, got: spatial },
      );
    }
  }

  /** Zero states for a batch. @param spatial - sizes of the image */
  initialState(batch: number, spatial: Shape): LSTMState {
    const shape = [batch, this.hiddenChannels, ...spatial];
    return { h: zeros(shape, this.stateWeight), c: zeros(shape, this.stateWeight) };
  }

  /**
   * One step.
   * @param x - `[N, C, …]`; `undefined` for a cell without input
   * @param state - `{ h, c }` of `[N, H, …]`; zeros if left out
   * @returns the state after the step; its `h` is the output
   * @throws ShapeError if input and states do not fit; ArgumentError if input is missing or superfluous
   */
  forward(x: Tensor | undefined, state?: LSTMState): LSTMState {
    const op = "ConvLSTMCell";
    if ((x === undefined) !== (this.inputWeight === undefined)) {
      const problem =
        x === undefined
          ? `needs an input of ${this.inputChannels} channels`
          : "was built with inputChannels 0 and takes no input";
      throw new ArgumentError(op, problem, { expected: this.inputChannels, got: x?.shape });
    }
    const like = x ?? state?.h;
    if (like === undefined) throw new ArgumentError(op, "a cell without input needs a state to start from");
    if (like.rank !== this.spatialDims + 2) {
      throw new ShapeError(op, `needs ${this.spatialDims + 2} axes [N,C,…], got ${formatShape(like.shape)}`, {
        expected: this.spatialDims + 2,
        got: like.rank,
      });
    }
    if (x !== undefined) this.checkHome(op, "input", x);
    const [batch = 0, , ...spatial] = like.shape;
    const { h, c } = state ?? this.initialState(batch, spatial);
    this.checkState(op, batch, spatial, { h, c });

    const conv = convolutions[this.spatialDims];
    let gates = conv(h, this.stateWeight, this.bias, { padding: "same" });
    if (x !== undefined && this.inputWeight !== undefined) {
      gates = gates.add(conv(x, this.inputWeight, undefined, { padding: "same" }));
    }
    return updateState(gates, c, this.peephole);
  }
}

/**
 * Gates to states: the part of the cell after its convolutions.
 * @param gates - pre-activations `[N, 4H, …]`, gates i, f, o, g
 * @param c - cell state `[N, H, …]`
 * @param peephole - `[3, H, …]`
 */
export function updateState(gates: Tensor, c: Tensor, peephole: Tensor | undefined): LSTMState {
  const [i, f, o, g] = gates.chunk(4, 1);
  const [pi, pf, po] = peephole?.unbind(0) ?? [];
  if (i === undefined || f === undefined || o === undefined || g === undefined) {
    throw new ShapeError("ConvLSTMCell", `gates must have four blocks of channels, got ${formatShape(gates.shape)}`, {
      got: gates.shape,
    });
  }
  const peep = (gate: Tensor, weight: Tensor | undefined, cell: Tensor): Tensor =>
    weight === undefined ? gate : gate.add(weight.mul(cell));
  const kept = peep(f, pf, c).sigmoid().mul(c);
  const cell = kept.add(peep(i, pi, c).sigmoid().mul(g.tanh()));
  return { h: peep(o, po, cell).sigmoid().mul(cell.tanh()), c: cell };
}
