import { ArgumentError, formatShape, type Shape, ShapeError } from "@squall/device";
import { defaultGenerator, type Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { ModuleList } from "../module/moduleList.ts";
import { ConvLSTMCell, type LSTMState } from "./cell.ts";
import { type ConvLSTMOptions, checkCount, resolveHidden, resolveKernels, type SpatialDims } from "./options.ts";
import { runSequence } from "./sequence.ts";

/**
 * Several ConvLSTM layers over a sequence of images (Shi et al. 2015). The cell's equations stand at {@link ConvLSTMCell}.
 *
 * ```ts
 * const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [16, 8], kernelSize: 3, batchFirst: true });
 * const [[hidden], [last]] = model.forward(x);   // x [N, T, 1, H, W], hidden [N, T, 8, H, W], last { h, c } of [N, 8, H, W]
 * ```
 */
export class ConvLSTM extends Module {
  /** Channels of the input; 0 if there is none (see {@link unroll}). */
  readonly inputChannels: number;
  /** Channels of the states, per layer. */
  readonly hiddenChannels: readonly number[];
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** Whether sequences are `[N, T, C, …]` rather than `[T, N, C, …]`. */
  readonly batchFirst: boolean;
  /** Whether all layers are returned. */
  readonly returnAllLayers: boolean;
  /** The layers' cells. */
  readonly cells: ModuleList<ConvLSTMCell>;

  /** @throws ArgumentError if an option is out of range or lists do not fit the number of layers */
  constructor(options: ConvLSTMOptions) {
    super();
    const {
      inputChannels,
      spatialDims = 2,
      stateKernelSize,
      hiddenChannels,
      kernelSize,
      numLayers,
      batchFirst,
      returnAllLayers,
      ...shared
    } = options;
    const op = "ConvLSTM";
    checkCount(op, "inputChannels", inputChannels, 0);
    const hidden = resolveHidden(op, hiddenChannels, numLayers);
    const kernels = resolveKernels(op, "kernelSize", kernelSize, hidden.length, spatialDims);
    const stateKernels = resolveKernels(
      op,
      "stateKernelSize",
      stateKernelSize ?? kernelSize,
      hidden.length,
      spatialDims,
    );
    const generator = options.generator ?? defaultGenerator();
    this.inputChannels = inputChannels;
    this.hiddenChannels = hidden;
    this.spatialDims = spatialDims;
    this.batchFirst = batchFirst ?? false;
    this.returnAllLayers = returnAllLayers ?? false;
    this.cells = new ModuleList(
      hidden.map(
        (channels, layer) =>
          new ConvLSTMCell({
            ...shared,
            generator,
            spatialDims,
            inputChannels: layer === 0 ? inputChannels : (hidden[layer - 1] ?? 0),
            hiddenChannels: channels,
            kernelSize: kernels[layer] ?? [],
            stateKernelSize: stateKernels[layer] ?? [],
          }),
      ),
    );
  }

  /**
   * @param x - `[T, N, C, …]`, or `[N, T, C, …]` with `batchFirst`
   * @param states - one `{ h, c }` of `[N, H, …]` per layer; zeros if left out
   * @returns `[layerOutputs, lastStates]`: hidden states over time, in the layout of the input, and the states after the last step;
   * of the last layer, or of each with `returnAllLayers`
   * @throws ShapeError, DTypeError, DeviceError if input or states do not fit the layers; ArgumentError if the model takes no input
   */
  forward(x: Tensor, states?: readonly LSTMState[]): [layerOutputs: Tensor[], lastStates: LSTMState[]] {
    const op = "ConvLSTM";
    const layout = this.batchFirst ? "[N,T,C,…]" : "[T,N,C,…]";
    if (this.inputChannels === 0) {
      throw new ArgumentError(
        op,
        "this model was built with inputChannels 0 and takes no input; call unroll(steps, states)",
      );
    }
    if (x.rank !== this.spatialDims + 3) {
      throw new ShapeError(op, `input needs ${this.spatialDims + 3} axes ${layout}, got ${formatShape(x.shape)}`, {
        expected: this.spatialDims + 3,
        got: x.rank,
      });
    }
    if (x.shape[2] !== this.inputChannels) {
      throw new ShapeError(
        op,
        `input has ${x.shape[2]} channels but the model expects ${this.inputChannels} (input ${layout} = ${formatShape(x.shape)})`,
        {
          expected: this.inputChannels,
          got: x.shape[2],
        },
      );
    }
    this.cells.at(0).checkHome(op, "input", x);
    const timeFirst = this.batchFirst ? x.transpose(0, 1) : x;
    const [steps = 0, batch = 0, , ...spatial] = timeFirst.shape;
    return this.run(timeFirst, steps, this.statesFor(op, batch, spatial, states));
  }

  /**
   * Runs a model without input (`inputChannels` 0) from given states: a forecaster.
   * @param steps - how many
   * @param states - one `{ h, c }` of `[N, H, …]` per layer
   * @returns as {@link forward}
   * @throws ArgumentError if the model takes input or `steps` is not a whole number >= 1; ShapeError if the states do not fit
   */
  unroll(steps: number, states: readonly LSTMState[]): [layerOutputs: Tensor[], lastStates: LSTMState[]] {
    const op = "ConvLSTM.unroll";
    if (this.inputChannels !== 0) {
      throw new ArgumentError(
        op,
        `this model takes an input of ${this.inputChannels} channels; call forward(x, states)`,
        {
          expected: 0,
          got: this.inputChannels,
        },
      );
    }
    checkCount(op, "steps", steps, 1);
    const [first] = states;
    if (first === undefined || first.h.rank !== this.spatialDims + 2) {
      throw new ShapeError(op, `needs ${this.cells.length} states with ${this.spatialDims + 2} axes [N,H,…]`, {
        expected: this.cells.length,
        got: states.length,
      });
    }
    const [batch = 0, , ...spatial] = first.h.shape;
    return this.run(undefined, steps, this.statesFor(op, batch, spatial, states));
  }

  private statesFor(op: string, batch: number, spatial: Shape, states: readonly LSTMState[] | undefined): LSTMState[] {
    if (states !== undefined && states.length !== this.cells.length) {
      throw new ShapeError(op, `${states.length} states given for ${this.cells.length} layers`, {
        expected: this.cells.length,
        got: states.length,
      });
    }
    return [...this.cells].map((cell, layer) => {
      const state = states?.[layer] ?? cell.initialState(batch, spatial);
      cell.checkState(`${op} layer ${layer}`, batch, spatial, state);
      return state;
    });
  }

  private run(x: Tensor | undefined, steps: number, states: readonly LSTMState[]): [Tensor[], LSTMState[]] {
    if (steps < 1) throw new ShapeError("ConvLSTM", "the sequence has no steps", { expected: 1, got: steps });
    const outputs: Tensor[] = [];
    const last: LSTMState[] = [];
    let sequence = x;
    for (const [layer, cell] of [...this.cells].entries()) {
      const result = runSequence(cell, sequence, steps, states[layer] ?? cell.initialState(0, []));
      sequence = result.hidden;
      outputs.push(result.hidden);
      last.push(result.state);
    }
    const returned = this.returnAllLayers ? outputs : outputs.slice(-1);
    return [
      this.batchFirst ? returned.map((output) => output.transpose(0, 1)) : returned,
      this.returnAllLayers ? last : last.slice(-1),
    ];
  }
}
