import { ArgumentError, type Shape, ShapeError } from "@squall/device";
import { flip, type Generator, isGradEnabled, Tensor } from "@squall/tensor";
import { checkWhole, show } from "../arguments.ts";
import { at } from "../at.ts";
import { configOf, copyOptions, type ModelConfig } from "../module/config.ts";
import { type CarriedTensor, Module } from "../module/module.ts";
import { ModuleList } from "../module/moduleList.ts";
import { checkNames } from "../optionNames.ts";
import { CarriedStates } from "./carriedStates.ts";
import type { RecurrentCell, RecurrentState } from "./cell.ts";
import { checkSequence } from "./cellChecks.ts";
import type { FrameStage } from "./frameStage.ts";
import { checkLayerNoise, drawLayerNoise, type LayerNoise } from "./layerNoise.ts";
import { type LayerKind, resolveLayers } from "./layerSettings.ts";
import { runNames, stepNames } from "./names.ts";
import type { CellPlan, LayerOptionsOf, RecurrentCellOptions, SpatialDims } from "./options.ts";
import {
  type LayerSizes,
  runLayers,
  runLayersInChunks,
  type SequenceRun,
  type SequenceRunResult,
} from "./runLayers.ts";
import { activeInStep, activeSamples } from "./sequenceMask.ts";
import type { RunOptions, StepOptions } from "./stepOptions.ts";

/** Hidden states over time, and the states after the last step; of one layer at least. */
export type RecurrentOutput<State> = [layerOutputs: [Tensor, ...Tensor[]], lastStates: [State, ...State[]]];

/**
 * Base of several recurrent convolutional layers, one above the other, over a sequence of images: what {@link ConvLSTM}, {@link ConvGRU} and
 * {@link ConvRNN} have in common. `N` batch, `T` time, `C` channels of the input, `H` those of a layer's states; `…` are one to three
 * spatial axes.
 */
export abstract class RecurrentLayer<State extends RecurrentState, Cell extends RecurrentCell<State>> extends Module {
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
  /** Whether outputs are those of all steps. */
  readonly returnSequences: boolean;
  /** Whether the last frame is read first. */
  readonly goBackwards: boolean;
  /** Whether outputs of `goBackwards` stand beside their frames. */
  readonly keepOrder: boolean;
  /** Whether states carry over from call to call. */
  readonly stateful: boolean;
  /** Whether carried states are detached. */
  readonly detachCarried: boolean;
  /** Whether carried states are part of the state dict. */
  readonly saveState: boolean;
  /** Steps that are computed again together in the backward pass; `true` for the square root of all, `false` for none. */
  readonly checkpoint: boolean | number;
  /** The layers' cells. */
  readonly cells: ModuleList<Cell>;
  /** What every frame goes through before each layer, if anything. */
  readonly stages: ModuleList<FrameStage> | undefined;
  /** Probability that an element between two layers is dropped in training. */
  readonly layerDropout: number;
  private readonly generator: Generator | undefined;
  private readonly op: string;
  private readonly options: object;
  private readonly carried: CarriedStates<State> | undefined;

  /**
   * @param makeCell - makes the cell of one layer
   * @param stages - what every frame goes through before each layer; they decide the channels that the cells take
   * @throws ArgumentError if an option is out of range or lists do not fit the number of layers; ShapeError if a kernel does not fit
   */
  protected constructor(
    kind: LayerKind,
    options: LayerOptionsOf<RecurrentCellOptions>,
    makeCell: (plan: CellPlan, layer: number) => Cell,
    stages?: readonly FrameStage[],
  ) {
    super();
    const settings = resolveLayers(kind, options);
    const { hidden } = settings;
    this.op = kind.op;
    this.options = copyOptions(options);
    this.inputChannels = options.inputChannels;
    this.hiddenChannels = hidden;
    this.spatialDims = settings.spatialDims;
    this.batchFirst = settings.batchFirst;
    this.returnAllLayers = settings.returnAllLayers;
    this.returnSequences = settings.returnSequences;
    this.goBackwards = settings.goBackwards;
    this.keepOrder = settings.keepOrder;
    this.stateful = settings.stateful;
    this.detachCarried = settings.detachCarried;
    this.saveState = settings.saveState;
    this.checkpoint = settings.checkpoint;

    let imageSize = options.imageSize;
    this.cells = new ModuleList();
    for (const [layer, hiddenChannels] of hidden.entries()) {
      const stage = stages?.[layer];
      const own = options.layers?.[layer]?.imageSize ?? (imageSize && stage ? stage.sizeOf(imageSize) : imageSize);
      const plan = {
        inputChannels: stage?.outChannels ?? (layer === 0 ? options.inputChannels : at(hidden, layer - 1)),
        hiddenChannels,
        kernelSize: at(settings.kernels, layer),
        stateKernelSize: at(settings.stateKernels, layer),
        ...(own && { imageSize: own }),
      };
      const cell = makeCell(plan, layer);
      this.cells.append(cell);
      imageSize = own && cell.sizeOfStates(kind.op, own);
    }
    this.stages = stages && new ModuleList(stages);
    this.layerDropout = settings.layerDropout;
    this.generator = options.generator;
    this.carried = this.stateful ? new CarriedStates([...this.cells], this.detachCarried) : undefined;
  }

  /**
   * Kind and options as plain JSON, from which `fromConfig` builds such layers again.
   * @throws ArgumentError if an activation is a function, or the layers have stages, which are modules
   */
  get config(): ModelConfig {
    if (this.stages !== undefined) {
      throw new ArgumentError(
        `${this.op}.config`,
        "these layers have stages, which are modules that a config cannot hold; rebuild the model by your own code",
      );
    }
    return configOf(this.op, { ...this.options, dtype: this.cells.at(0).stateWeight.dtype });
  }

  /**
   * Runs over whole sequences.
   * @param x - `[T, N, C, …]`, or `[N, T, C, …]` with `batchFirst`
   * @param states - those before the first step, one per layer, tensors `[N, H, …]`. Left out: carried ones if `stateful`, else zeros or
   * what was learned
   * @param options - lengths or a mask. Beyond its end a sample's states stay what they were, its outputs are 0, and no gradient flows
   * @returns `[layerOutputs, lastStates]`: hidden states over time in the layout of the input (or `[N, H, …]` of the last step only, without
   * `returnSequences`), and the states after the last step; of the last layer, or of each with `returnAllLayers`
   * @throws ShapeError, DTypeError, DeviceError if input or states do not fit the layers; ArgumentError if the model takes no input or
   * lengths or mask do not fit
   */
  forward(x: Tensor, states?: readonly State[], options: RunOptions = {}): RecurrentOutput<State> {
    return this.shown(this.forwardAll(x, states, options));
  }

  /** As {@link forward}, but with the states of *all* layers, fit to go on with, whatever `returnAllLayers` says of outputs. */
  forwardAll(x: Tensor, states?: readonly State[], options: RunOptions = {}): RecurrentOutput<State> {
    const { steps, sizes, active, states: before } = this.checkCall(x, states, options);
    const timeFirst = this.batchFirst ? x.transpose(0, 1) : x;
    const backwards = this.goBackwards;
    const run = {
      x: backwards ? flip(timeFirst, 0) : timeFirst,
      steps,
      sizes,
      states: before,
      active: backwards && active !== undefined ? active.toReversed() : active,
    };
    return this.output(this.run(this.op, run, options.noise));
  }

  /** What {@link forward} refuses, before anything is computed. @returns what it starts from @throws as there @internal */
  checkCall(x: Tensor, states: readonly State[] | undefined, options: RunOptions): Omit<SequenceRun<State>, "x"> {
    const { op, batchFirst } = this;
    checkNames(`${op}.forward`, options, runNames);
    this.checkInput(op, x, this.spatialDims + 3, batchFirst ? "[N,T,C,…]" : "[T,N,C,…]");
    const [outer = 0, inner = 0, , ...imageSize] = x.shape;
    const [steps, batch] = batchFirst ? [inner, outer] : [outer, inner];
    if (steps < 1) throw new ShapeError(op, "the sequence has no steps", { expected: 1, got: steps });
    const sizes = this.sizesFrom(op, imageSize, states);
    const active = activeSamples(op, options, steps, batch, batchFirst);
    return { steps, sizes, active, states: this.statesFor(op, batch, sizes, states) };
  }

  /**
   * One frame, for streams that come in frame by frame: the numbers are those of the whole sequence. In training, dropout masks are drawn
   * anew in each call unless they are given.
   * @param x - `[N, C, …]`
   * @param states - as the last call gave them; left out as in {@link forward}
   * @param options - for which samples the frame counts, and what is dropped
   * @returns `[layerOutputs, states]`: hidden states `[N, H, …]` of the last layer, or of each with `returnAllLayers`; states of *all* layers,
   * for the next call
   * @throws ArgumentError with `goBackwards`, which needs the last frame first; else as {@link forward}
   */
  step(x: Tensor, states?: readonly State[], options: StepOptions = {}): RecurrentOutput<State> {
    const op = `${this.op}.step`;
    checkNames(op, options, stepNames);
    if (this.goBackwards) {
      throw new ArgumentError(op, "goBackwards reads the last frame first, so there are no single steps; call forward");
    }
    this.checkInput(op, x, this.spatialDims + 2, "[N,C,…]");
    const [batch = 0, , ...imageSize] = x.shape;
    const sizes = this.sizesFrom(op, imageSize, states);
    const before = this.statesFor(op, batch, sizes, states);
    const active = options.active && activeInStep(op, options.active, batch);
    const run = { x: x.unsqueeze(0), steps: 1, sizes, states: before, active };
    const { states: after } = this.run(op, run, options.noise);
    const outputs = (this.returnAllLayers ? after : after.slice(-1)).map(({ h }) => h);
    return [nonEmpty(outputs), nonEmpty(after)];
  }

  /**
   * Draws what is random throughout a sequence, to be given to each {@link step} of it, or each {@link forward} of a part; nothing in evaluation.
   * @param imageSize - spatial sizes of the frames
   * @param states - those before the first step, which decide the sizes behind stages that make images larger
   * @returns one per layer
   */
  drawNoise(batch: number, imageSize: Shape, states?: readonly State[]): LayerNoise[] {
    return this.noiseFor(batch, this.sizesFrom(`${this.op}.drawNoise`, imageSize, states));
  }

  /**
   * Runs a model without input (`inputChannels` 0) from given states: a forecaster.
   * @param steps - how many
   * @param states - one per layer, tensors `[N, H, …]`; carried ones if left out and `stateful`
   * @returns as {@link forward}
   * @throws ArgumentError if the model takes input or `steps` is not a whole number >= 1; ShapeError if the states do not fit
   */
  unroll(steps: number, states?: readonly State[]): RecurrentOutput<State> {
    const op = `${this.op}.unroll`;
    if (this.inputChannels !== 0) {
      throw new ArgumentError(
        op,
        `this model takes an input of ${this.inputChannels} channels; call forward(x, states)`,
        { expected: 0, got: this.inputChannels },
      );
    }
    checkWhole(op, "steps", steps, 1);
    const known = states ?? this.carried?.states;
    const h = known?.[0]?.h;
    if (!(h instanceof Tensor) || h.rank !== this.spatialDims + 2) {
      const needed = `${this.cells.length} states with ${this.spatialDims + 2} axes [N,H,…]`;
      throw new ShapeError(op, `needs ${needed} to go on from, such as those that forwardAll of an encoder gives`, {
        expected: this.cells.length,
        got: known?.length ?? 0,
      });
    }
    const [batch = 0, , ...spatial] = h.shape;
    const sizes = this.sizesFrom(op, spatial, known);
    const before = this.statesFor(op, batch, sizes, states);
    return this.shown(
      this.output(this.run(op, { x: undefined, steps, sizes, states: before, active: undefined }, undefined)),
    );
  }

  /** What `forward` shows of all states. */
  private shown([outputs, all]: RecurrentOutput<State>): RecurrentOutput<State> {
    return [outputs, nonEmpty(this.returnAllLayers ? all : all.slice(-1))];
  }

  private checkInput(op: string, x: Tensor, rank: number, layout: string): void {
    if (this.inputChannels === 0) {
      throw new ArgumentError(
        op,
        "this model was built with inputChannels 0 and takes no input; call unroll(steps, states)",
      );
    }
    checkSequence(op, x, { rank, layout, spatialDims: this.spatialDims, channels: this.inputChannels });
    this.cells.at(0).checkHome(op, "input", x);
  }

  /** Sizes of all layers for images of one size, and states if they are given. @throws ShapeError if a kernel does not fit */
  private sizesFrom(op: string, imageSize: Shape, given?: readonly State[]): LayerSizes[] {
    let size: readonly number[] = imageSize;
    return [...this.cells].map((cell, layer) => {
      const image = this.stages?.at(layer).sizeOf(size, given?.[layer]?.h.shape.slice(2)) ?? size;
      const states = cell.sizeOfStates(`${op} layer ${layer}`, image);
      size = states;
      return { image, states };
    });
  }

  private statesFor(
    op: string,
    batch: number,
    sizes: readonly LayerSizes[],
    given: readonly State[] | undefined,
  ): State[] {
    if (given !== undefined && !Array.isArray(given)) {
      throw new ArgumentError(op, `states must be a list, one state per layer, got ${show(given)}`, { got: given });
    }
    if (given !== undefined && given.length !== this.cells.length) {
      const remedy =
        given.length === 1 ? "; forwardAll gives the states of all layers, as forward does with returnAllLayers" : "";
      throw new ShapeError(op, `${given.length} states given for ${this.cells.length} layers${remedy}`, {
        expected: this.cells.length,
        got: given.length,
      });
    }
    const expected = [...this.cells].map((cell, k) => [batch, cell.hiddenChannels, ...(sizes[k]?.states ?? [])]);
    const carried = given === undefined ? this.carried?.fitting(op, expected) : undefined;
    return [...this.cells].map((cell, layer) => {
      const spatial = sizes[layer]?.states ?? [];
      const state = given?.[layer] ?? carried?.[layer] ?? cell.initialState(batch, spatial);
      cell.checkState(`${op} layer ${layer}`, batch, spatial, state);
      return state;
    });
  }

  private readonly wants = (layer: number): boolean =>
    this.returnSequences && (this.returnAllLayers || layer === this.cells.length - 1);

  /** Outputs in the layout that was asked for, and all states. */
  private output({ hidden, states }: SequenceRunResult<State>): RecurrentOutput<State> {
    const first = this.returnAllLayers ? 0 : states.length - 1;
    const outputs = states.slice(first).map(({ h }, k) => {
      const sequence = hidden.get(first + k);
      if (sequence === undefined) return h;
      const ordered = this.goBackwards && this.keepOrder ? flip(sequence, 0) : sequence;
      return this.batchFirst ? ordered.transpose(0, 1) : ordered;
    });
    return [nonEmpty(outputs), nonEmpty(states)];
  }

  private noiseFor(batch: number, sizes: readonly LayerSizes[]): LayerNoise[] {
    const { layerDropout, generator } = this;
    return drawLayerNoise([...this.cells], batch, sizes, this.training ? layerDropout : 0, generator);
  }

  private run(op: string, run: SequenceRun<State>, given: readonly LayerNoise[] | undefined): SequenceRunResult<State> {
    const { checkpoint, stages } = this;
    const [batch = 0] = at(run.states, 0).h.shape;
    if (given !== undefined) checkLayerNoise(op, given, batch, run.sizes);
    // Nothing is random in evaluation, drawn earlier or not.
    const noise = (this.training ? given : undefined) ?? this.noiseFor(batch, run.sizes);
    const stack = { cells: [...this.cells], stages: stages && [...stages], wants: this.wants };
    const chunkSteps = checkpoint === true ? Math.ceil(Math.sqrt(run.steps)) : checkpoint;
    const result =
      chunkSteps === false || !isGradEnabled()
        ? runLayers(stack, run, noise)
        : runLayersInChunks(stack, run, noise, chunkSteps);
    this.carried?.keep(result.states);
    return result;
  }

  /**
   * Forgets carried states: the next call starts from zeros, or from what was learned.
   * @param mask - which samples of the batch start anew, `[N]`; all if left out
   * @throws ArgumentError unless `stateful`, or with a mask before there are states; ShapeError if the mask has not one value per sample
   */
  resetState(mask?: readonly boolean[]): void {
    this.carriedOr(`${this.op}.resetState`).reset(`${this.op}.resetState`, mask);
  }

  /** Cuts carried states from the graph that made them, with `detachCarried: false`. @throws ArgumentError unless `stateful` */
  detachState(): void {
    this.carriedOr(`${this.op}.detachState`).detach();
  }

  /** The states that are carried to the next call, one per layer; `undefined` before the first. @throws ArgumentError unless `stateful` */
  get carriedStates(): readonly State[] | undefined {
    return this.carriedOr(`${this.op}.carriedStates`).states;
  }

  private carriedOr(op: string): CarriedStates<State> {
    if (this.carried !== undefined) return this.carried;
    throw new ArgumentError(op, "this model carries no states; build it with stateful: true, or pass states yourself");
  }

  protected override carriedTensors(): readonly CarriedTensor[] {
    return this.carried?.tensors(this.saveState) ?? [];
  }
}

/** A list of which the first entry is known to the compiler. @throws RangeError if there is none */
function nonEmpty<T>(list: readonly T[]): [T, ...T[]] {
  return [at(list, 0), ...list.slice(1)];
}
