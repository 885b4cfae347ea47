import {
  ArgumentError,
  formatShape,
  keepStorage,
  type Shape,
  ShapeError,
  sameShape,
  trackStorage,
} from "@squall/device";
import {
  cat,
  checkpoint,
  defaultGenerator,
  flip,
  isGradEnabled,
  keep,
  noGrad,
  type Tensor,
  tensor,
  where,
  zeros,
} from "@squall/tensor";
import { checkWhole } from "../arguments.ts";
import { Dropout } from "../layers/dropout.ts";
import { configOf, type ModelConfig } from "../module/config.ts";
import { type CarriedTensor, Module } from "../module/module.ts";
import { ModuleList } from "../module/moduleList.ts";
import type { RecurrentCell, RecurrentState, SequenceResult } from "./cell.ts";
import type { FrameStage } from "./frameStage.ts";
import { checkRate, type SequenceMasks } from "./noise.ts";
import {
  type CellPlan,
  type LayerOptionsOf,
  type RecurrentCellOptions,
  resolveHidden,
  resolveKernels,
  type SpatialDims,
} from "./options.ts";
import { type ActiveSamples, activeSamples, runsOf, type SequenceOptions, zeroInactive } from "./sequenceMask.ts";
import type { StepOptions } from "./stepOptions.ts";

/** Hidden states over time, and the states after the last step. */
export type RecurrentOutput<State> = [layerOutputs: Tensor[], lastStates: State[]];

/** Spatial sizes that one layer works with. */
interface LayerSizes {
  /** Of the images that go into the cell. */
  readonly image: readonly number[];
  /** Of the states. */
  readonly states: readonly number[];
}

/** A sequence, checked and time-first. */
interface Run<State> {
  /** `[T, N, C, …]`; `undefined` without input. */
  readonly x: Tensor | undefined;
  readonly steps: number;
  readonly sizes: readonly LayerSizes[];
  readonly states: readonly State[];
  readonly active: ActiveSamples | undefined;
}

/** What came of it: hidden states of the layers that are wanted, `[T, N, H, …]`, by layer, and the last states of all. */
interface RunResult<State> {
  readonly hidden: ReadonlyMap<number, Tensor>;
  readonly states: State[];
}

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
  /** Dropout between layers, if there is any. */
  readonly layerDropout: Dropout | undefined;
  private readonly op: string;
  private readonly options: object;
  private carried: State[] | undefined;
  /** Samples that were reset and start from learned states, to which gradients must flow. */
  private restarted: readonly boolean[] | undefined;

  /**
   * @param op - name of the class, for messages and the config
   * @param makeCell - makes the cell of one layer
   * @param stages - what every frame goes through before each layer; they decide the channels that the cells take
   * @throws ArgumentError if an option is out of range or lists do not fit the number of layers; ShapeError if a kernel does not fit
   */
  protected constructor(
    op: string,
    options: LayerOptionsOf<RecurrentCellOptions>,
    makeCell: (plan: CellPlan) => Cell,
    stages?: readonly FrameStage[],
  ) {
    super();
    const { inputChannels, spatialDims = 2, layers = [], checkpoint = false, layerDropout = 0 } = options;
    const generator = options.generator ?? defaultGenerator();
    checkWhole(op, "inputChannels", inputChannels, 0);
    const hidden = resolveHidden(op, options.hiddenChannels, options.numLayers);
    const count = hidden.length;
    const kernels = resolveKernels(op, "kernelSize", options.kernelSize, count, spatialDims);
    const stateKernel = options.stateKernelSize ?? options.kernelSize;
    const stateKernels = resolveKernels(op, "stateKernelSize", stateKernel, count, spatialDims);
    if (layers.length > count) {
      throw new ArgumentError(op, `layers has options for ${layers.length} layers, but there are ${count}`, {
        expected: count,
        got: layers.length,
      });
    }
    if (typeof checkpoint === "number") checkWhole(op, "checkpoint", checkpoint, 1);
    checkRate(op, "layerDropout", layerDropout);
    this.op = op;
    this.options = options;
    this.inputChannels = inputChannels;
    this.hiddenChannels = hidden;
    this.spatialDims = spatialDims;
    this.batchFirst = options.batchFirst ?? false;
    this.returnAllLayers = options.returnAllLayers ?? false;
    this.returnSequences = options.returnSequences ?? true;
    this.goBackwards = options.goBackwards ?? false;
    this.keepOrder = options.keepOrder ?? false;
    this.stateful = options.stateful ?? false;
    this.detachCarried = options.detachCarried ?? true;
    this.saveState = options.saveState ?? false;
    this.checkpoint = checkpoint;
    this.refuseIdle("keepOrder", this.keepOrder, "goBackwards", this.goBackwards);
    this.refuseIdle("saveState", this.saveState, "stateful", this.stateful);
    this.refuseIdle("detachCarried: false", !this.detachCarried, "stateful", this.stateful);

    let imageSize = options.imageSize;
    this.cells = new ModuleList();
    for (const [layer, hiddenChannels] of hidden.entries()) {
      const stage = stages?.[layer];
      const own = layers[layer]?.imageSize ?? (imageSize && stage ? stage.sizeOf(imageSize) : imageSize);
      const cell = makeCell({
        layer,
        generator,
        inputChannels: stage?.outChannels ?? (layer === 0 ? inputChannels : (hidden[layer - 1] ?? 0)),
        hiddenChannels,
        kernelSize: kernels[layer] ?? [],
        stateKernelSize: stateKernels[layer] ?? [],
        ...(own && { imageSize: own }),
      });
      this.cells.append(cell);
      imageSize = own && cell.sizeOfStates(op, own);
    }
    this.stages = stages && new ModuleList(stages);
    this.layerDropout = layerDropout === 0 ? undefined : new Dropout({ p: layerDropout, generator: options.generator });
    this.carried = undefined;
    this.restarted = undefined;
  }

  /** @throws ArgumentError if an option is set that does nothing without another */
  private refuseIdle(option: string, isSet: boolean, other: string, otherIsSet: boolean): void {
    if (isSet && !otherIsSet) {
      throw new ArgumentError(this.op, `${option} does nothing without ${other}; set that too, or leave it out`, {
        expected: other,
        got: option,
      });
    }
  }

  /** Kind and options as plain JSON, from which `fromConfig` builds such layers again. @throws ArgumentError if an activation is a function */
  get config(): ModelConfig {
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
  forward(x: Tensor, states?: readonly State[], options: SequenceOptions = {}): RecurrentOutput<State> {
    const { op } = this;
    const layout = this.batchFirst ? "[N,T,C,…]" : "[T,N,C,…]";
    this.checkInput(op, x, this.spatialDims + 3, layout);
    const timeFirst = this.batchFirst ? x.transpose(0, 1) : x;
    const [steps = 0, batch = 0, , ...imageSize] = timeFirst.shape;
    if (steps < 1) throw new ShapeError(op, "the sequence has no steps", { expected: 1, got: steps });
    const sizes = this.sizesFrom(op, imageSize, states);
    const active = activeSamples(op, options, steps, batch, this.batchFirst);
    const before = this.statesFor(op, batch, sizes, states);
    const backwards = this.goBackwards;
    return this.output(
      this.run({
        x: backwards ? flip(timeFirst, 0) : timeFirst,
        steps,
        sizes,
        states: before,
        active: backwards && active !== undefined ? active.toReversed() : active,
      }),
    );
  }

  /**
   * One frame, for streams that come in frame by frame: the numbers are those of the whole sequence. In training, dropout masks are drawn
   * anew in each call unless they are given.
   * @param x - `[N, C, …]`
   * @param states - as the last call gave them; left out as in {@link forward}
   * @param options - for which samples the frame counts, and masks
   * @returns `[layerOutputs, states]`: hidden states `[N, H, …]` of the last layer, or of each with `returnAllLayers`; states of *all* layers,
   * for the next call
   * @throws ArgumentError with `goBackwards`, which needs the last frame first; else as {@link forward}
   */
  step(x: Tensor, states?: readonly State[], options: StepOptions = {}): RecurrentOutput<State> {
    const op = `${this.op}.step`;
    if (this.goBackwards) {
      throw new ArgumentError(op, "goBackwards reads the last frame first, so there are no single steps; call forward");
    }
    this.checkInput(op, x, this.spatialDims + 2, "[N,C,…]");
    const [batch = 0, , ...imageSize] = x.shape;
    const sizes = this.sizesFrom(op, imageSize, states);
    const before = this.statesFor(op, batch, sizes, states);
    const active = activeSamples(op, options.active ? { mask: [options.active] } : {}, 1, batch, false);
    const run = { x: x.unsqueeze(0), steps: 1, sizes, states: before, active };
    const { states: after } = this.run(run, options.masks);
    const outputs = after.map(({ h }) => h);
    return [this.returnAllLayers ? outputs : outputs.slice(-1), after];
  }

  /**
   * Draws what is dropped throughout a sequence, to be given to each {@link step} of it; nothing in evaluation.
   * @param imageSize - spatial sizes of the frames
   * @param states - those before the first step, which decide the sizes behind stages that make images larger
   * @returns masks of each layer
   */
  drawMasks(batch: number, imageSize: Shape, states?: readonly State[]): SequenceMasks[] {
    return this.masksFor(batch, this.sizesFrom(`${this.op}.drawMasks`, imageSize, states));
  }

  /**
   * Runs a model without input (`inputChannels` 0) from given states: a forecaster.
   * @param steps - how many
   * @param states - one per layer, tensors `[N, H, …]`; carried ones if left out and `stateful`
   * @returns as {@link forward}
   * @throws ArgumentError if the model takes input or `steps` is not a whole number >= 1; ShapeError if the states do not fit
   */
  unroll(steps: number, states: readonly State[] | undefined = this.carried): RecurrentOutput<State> {
    const op = `${this.op}.unroll`;
    if (this.inputChannels !== 0) {
      throw new ArgumentError(
        op,
        `this model takes an input of ${this.inputChannels} channels; call forward(x, states)`,
        { expected: 0, got: this.inputChannels },
      );
    }
    checkWhole(op, "steps", steps, 1);
    const first = states?.[0];
    if (first === undefined || first.h.rank !== this.spatialDims + 2) {
      throw new ShapeError(op, `needs ${this.cells.length} states with ${this.spatialDims + 2} axes [N,H,…]`, {
        expected: this.cells.length,
        got: states?.length ?? 0,
      });
    }
    const [batch = 0, , ...spatial] = first.h.shape;
    const sizes = this.sizesFrom(op, spatial, states);
    return this.output(
      this.run({
        x: undefined,
        steps,
        sizes,
        states: this.statesFor(op, batch, sizes, states),
        active: undefined,
      }),
    );
  }

  private checkInput(op: string, x: Tensor, rank: number, layout: string): void {
    if (this.inputChannels === 0) {
      throw new ArgumentError(
        op,
        "this model was built with inputChannels 0 and takes no input; call unroll(steps, states)",
      );
    }
    if (x.rank !== rank) {
      throw new ShapeError(op, `input needs ${rank} axes ${layout}, got ${formatShape(x.shape)}`, {
        expected: rank,
        got: x.rank,
      });
    }
    const channels = x.shape[rank - this.spatialDims - 1];
    if (channels !== this.inputChannels) {
      throw new ShapeError(
        op,
        `input has ${channels} channels but the model expects ${this.inputChannels} (input ${layout} = ${formatShape(x.shape)})`,
        { expected: this.inputChannels, got: channels },
      );
    }
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
    if (given !== undefined && given.length !== this.cells.length) {
      throw new ShapeError(op, `${given.length} states given for ${this.cells.length} layers`, {
        expected: this.cells.length,
        got: given.length,
      });
    }
    const carried = given === undefined ? this.carriedFor(op, batch, sizes) : undefined;
    return [...this.cells].map((cell, layer) => {
      const spatial = sizes[layer]?.states ?? [];
      const state = given?.[layer] ?? carried?.[layer] ?? cell.initialState(batch, spatial);
      cell.checkState(`${op} layer ${layer}`, batch, spatial, state);
      return state;
    });
  }

  /** The carried states, if there are any. @throws ShapeError if they are of another batch or image size */
  private carriedFor(op: string, batch: number, sizes: readonly LayerSizes[]): State[] | undefined {
    const { restarted } = this;
    return this.carried?.map((state, layer) => {
      const cell = this.cells.at(layer);
      const expected = [batch, cell.hiddenChannels, ...(sizes[layer]?.states ?? [])];
      if (!sameShape(state.h.shape, expected)) {
        throw new ShapeError(
          op,
          `the states carried over from the last call are ${formatShape(state.h.shape)} in layer ${layer} but this input needs [N,H,…] = ${formatShape(expected)}; call resetState() before a batch or image of another size`,
          { expected, got: state.h.shape },
        );
      }
      if (restarted === undefined) return state;
      const fresh = cell.partsOf(cell.initialState(batch, expected.slice(2)));
      return cell.stateOf(cell.partsOf(state).map((part, k) => chosen(restarted, fresh[k] ?? part, part)));
    });
  }

  private wants(layer: number): boolean {
    return this.returnSequences && (this.returnAllLayers || layer === this.cells.length - 1);
  }

  /** In the layout that was asked for. */
  private output({ hidden, states }: RunResult<State>): RecurrentOutput<State> {
    const first = this.returnAllLayers ? 0 : states.length - 1;
    const last = states.slice(first);
    if (!this.returnSequences) return [last.map(({ h }) => h), last];
    const outputs = last.map(({ h }, k) => {
      const sequence = hidden.get(first + k) ?? h.unsqueeze(0);
      const ordered = this.goBackwards && this.keepOrder ? flip(sequence, 0) : sequence;
      return this.batchFirst ? ordered.transpose(0, 1) : ordered;
    });
    return [outputs, last];
  }

  private masksFor(batch: number, sizes: readonly LayerSizes[]): SequenceMasks[] {
    return [...this.cells].map((cell, layer) => {
      const { image, states } = sizes[layer] ?? { image: [], states: [] };
      return cell.drawMasks(batch, image, states);
    });
  }

  private run(
    run: Run<State>,
    masks: readonly SequenceMasks[] = this.masksFor(run.states[0]?.h.shape[0] ?? 0, run.sizes),
  ): RunResult<State> {
    const result =
      this.checkpoint === false || !isGradEnabled() ? this.chunk(run, masks) : this.checkpointed(run, masks);
    if (this.stateful) this.carry(result.states);
    return result;
  }

  /** Chunk by chunk, each of them computed again in the backward pass: only states between chunks are kept. */
  private checkpointed(run: Run<State>, masks: readonly SequenceMasks[]): RunResult<State> {
    const { x, steps, active } = run;
    const length = this.checkpoint === true ? Math.ceil(Math.sqrt(steps)) : Number(this.checkpoint);
    const drawn = masks.flatMap(({ input = [], state = [] }) => [...input, ...state]);
    const hidden = new Map<number, Tensor[]>();
    let states = [...run.states];
    for (let start = 0; start < steps; start += length) {
      const count = Math.min(length, steps - start);
      // Frames that need no gradient are cut out when they are needed, and not kept a second time.
      const early = x?.requiresGrad === true ? x.narrow(0, start, count) : undefined;
      const before = states;
      const inputs = [early ?? x, ...before.flatMap((state, layer) => this.cells.at(layer).partsOf(state)), ...drawn];
      const compute = (..._: readonly Tensor[]): RunResult<State> =>
        this.chunk(
          {
            x: early ?? x?.narrow(0, start, count),
            steps: count,
            sizes: run.sizes,
            states: before,
            active: active?.slice(start, start + count),
          },
          masks,
        );
      const result = checkpoint<Tensor[], RunResult<State>>(compute, ...inputs.filter((each) => each !== undefined));
      states = result.states;
      for (const [layer, sequence] of result.hidden) hidden.set(layer, [...(hidden.get(layer) ?? []), sequence]);
    }
    return { hidden: new Map([...hidden].map(([layer, parts]) => [layer, cat(parts)])), states };
  }

  /** Some steps through all layers. */
  private chunk(run: Run<State>, masks: readonly SequenceMasks[]): RunResult<State> {
    const hidden = new Map<number, Tensor>();
    let sequence = run.active && this.stages ? run.x && zeroInactive(run.x, run.active) : run.x;
    const states = run.states.map((state, layer) => {
      const cell = this.cells.at(layer);
      if (layer > 0 && sequence !== undefined) sequence = this.layerDropout?.forward(sequence) ?? sequence;
      const stage = this.stages?.at(layer);
      if (stage !== undefined && sequence !== undefined) {
        sequence = frameWise(stage, sequence, run.sizes[layer]?.image ?? []);
      }
      const noise = masks[layer] ?? { input: undefined, state: undefined };
      const result =
        run.active === undefined
          ? cell.sequence(sequence, run.steps, state, noise)
          : maskedSequence(cell, sequence, run.active, state, noise);
      sequence = result.hidden;
      if (this.wants(layer)) hidden.set(layer, result.hidden);
      return result.state;
    });
    return { hidden, states };
  }

  /** Keeps the states for the next call. */
  private carry(states: readonly State[]): void {
    const own = (part: Tensor): Tensor => keep(this.detachCarried ? noGrad(() => part.detach().clone()) : part.clone());
    this.setCarried(
      states.map((state, layer) => {
        const cell = this.cells.at(layer);
        return cell.stateOf(cell.partsOf(state).map(own));
      }),
    );
    this.restarted = undefined;
  }

  private setCarried(states: State[] | undefined): void {
    for (const [layer, state] of (this.carried ?? []).entries()) {
      const cell = this.cells.at(layer);
      const kept = new Set((states?.[layer] && cell.partsOf(states[layer]))?.map(({ storage }) => storage));
      for (const { storage } of cell.partsOf(state)) if (!kept.has(storage)) letGo(storage);
    }
    this.carried = states;
  }

  /**
   * Forgets carried states: the next call starts from zeros, or from what was learned.
   * @param mask - which samples of the batch start anew, `[N]`; all if left out
   * @throws ArgumentError unless `stateful`, or with a mask before there are states; ShapeError if the mask has not one value per sample
   */
  resetState(mask?: readonly boolean[]): void {
    const op = `${this.op}.resetState`;
    this.checkStateful(op);
    if (mask === undefined) {
      this.setCarried(undefined);
      this.restarted = undefined;
      return;
    }
    const { carried } = this;
    if (carried === undefined) {
      throw new ArgumentError(
        op,
        "there are no states yet, so a mask has no batch to refer to; call resetState() for all",
      );
    }
    const batch = carried[0]?.h.shape[0] ?? 0;
    if (mask.length !== batch) {
      throw new ShapeError(op, `the mask has ${mask.length} values but the carried states are of a batch of ${batch}`, {
        expected: batch,
        got: mask.length,
      });
    }
    const learns = [...this.cells].some(({ learnedState }) => learnedState !== undefined);
    this.setCarried(
      carried.map((state, layer) => {
        const cell = this.cells.at(layer);
        const fresh = noGrad(() => cell.partsOf(cell.initialState(batch, state.h.shape.slice(2))));
        return cell.stateOf(cell.partsOf(state).map((part, k) => keep(chosen(mask, fresh[k] ?? part, part))));
      }),
    );
    if (learns) this.restarted = mask.map((each, n) => each || (this.restarted?.[n] ?? false));
  }

  /** Cuts carried states from the graph that made them, with `detachCarried: false`. @throws ArgumentError unless `stateful` */
  detachState(): void {
    this.checkStateful(`${this.op}.detachState`);
    this.carried = this.carried?.map((state, layer) => {
      const cell = this.cells.at(layer);
      return cell.stateOf(cell.partsOf(state).map((part) => part.detach()));
    });
  }

  private checkStateful(op: string): void {
    if (!this.stateful) {
      throw new ArgumentError(
        op,
        "this model carries no states; build it with stateful: true, or pass states yourself",
      );
    }
  }

  protected override carriedTensors(): readonly CarriedTensor[] {
    if (!this.stateful) return [];
    return [...this.cells].flatMap((cell, layer) =>
      cell.stateNames.map((name, part): CarriedTensor => {
        const state = this.carried?.[layer];
        return {
          name: `states.${layer}.${name}`,
          value: state && cell.partsOf(state)[part],
          isSaved: this.saveState,
          problemWith: ({ shape, dtype }) => {
            if (dtype !== cell.stateWeight.dtype) return `${dtype}, but the weights are ${cell.stateWeight.dtype}`;
            const fits = shape.length === this.spatialDims + 2 && shape[1] === cell.hiddenChannels;
            return fits ? undefined : `shape ${formatShape(shape)} is not [N,${cell.hiddenChannels},…]`;
          },
          replace: (value) => this.replaceCarried(layer, part, value),
        };
      }),
    );
  }

  private replaceCarried(layer: number, part: number, value: Tensor): void {
    const states = [...this.cells].map((cell, k) => {
      const parts = this.carried?.[k] === undefined ? undefined : cell.partsOf(this.carried[k]);
      return cell.stateOf(
        cell.stateNames.map((_, p) => (k === layer && p === part ? keep(value) : (parts?.[p] ?? value))),
      );
    });
    this.setCarried(states);
    this.restarted = undefined;
  }
}

/** Hands memory that was kept to the running scope: a graph may still need it. */
function letGo(storage: Tensor["storage"]): void {
  keepStorage(storage);
  trackStorage(storage);
}

/** 1 where a sample is chosen, `[N, 1…]`, fit to broadcast with `like`. */
function column(chosen: readonly boolean[], like: Tensor, rank: number): Tensor {
  const { dtype, device } = like;
  const shape = [chosen.length, ...Array.from({ length: rank - 1 }, () => 1)];
  return tensor(
    chosen.map((each) => (each ? 1 : 0)),
    { dtype, device, shape },
  );
}

/** One tensor for the chosen samples, `[N, …]`, the other for the rest. */
function chosen(mask: readonly boolean[], whenChosen: Tensor, otherwise: Tensor): Tensor {
  return where(column(mask, otherwise, otherwise.rank), whenChosen, otherwise);
}

/** Images of all steps through a stage, `[T, N, …]`. */
function frameWise(stage: FrameStage, x: Tensor, size: Shape): Tensor {
  const [steps = 0, batch = 0, ...frame] = x.shape;
  const y = stage.forward(x.reshape([steps * batch, ...frame]), size);
  return y.reshape([steps, batch, ...y.shape.slice(1)]);
}

/**
 * A sequence of which not all samples are at work in all steps. Runs of steps in which the same ones are go through the cell together;
 * for the others the states stay, outputs are 0, and neither their frames nor their gradients count.
 */
function maskedSequence<State extends RecurrentState>(
  cell: RecurrentCell<State>,
  x: Tensor | undefined,
  active: ActiveSamples,
  before: State,
  masks: SequenceMasks,
): SequenceResult<State> {
  let state = before;
  const hidden = runsOf(active).map((run) => {
    const { h } = state;
    if (!run.active.some((each) => each)) return zeros([run.steps, ...h.shape], h);
    const part = x?.narrow(0, run.start, run.steps);
    if (run.active.every((each) => each)) {
      const result = cell.sequence(part, run.steps, state, masks);
      state = result.state;
      return result.hidden;
    }
    const mask = column(run.active, h, h.rank);
    // Padding may hold anything; NaN times a gradient of 0 would still be NaN.
    const result = cell.sequence(part && where(mask, part, 0), run.steps, state, masks);
    const old = cell.partsOf(state);
    state = cell.stateOf(cell.partsOf(result.state).map((after, k) => where(mask, after, old[k] ?? after)));
    return where(mask, result.hidden, 0);
  });
  return { hidden: hidden.length === 1 && hidden[0] !== undefined ? hidden[0] : cat(hidden), state };
}
