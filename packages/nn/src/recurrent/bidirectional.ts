import { ArgumentError, formatShape, ShapeError, sameShape } from "@squall/device";
import { cat, type Tensor } from "@squall/tensor";
import { checkChoice } from "../arguments.ts";
import { at } from "../at.ts";
import { configOf, type JsonValue, type ModelConfig } from "../module/config.ts";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";
import type { RecurrentCell, RecurrentState } from "./cell.ts";
import type { RecurrentLayer } from "./layer.ts";
import type { SequenceOptions } from "./sequenceMask.ts";

/** How the outputs of both directions become one: side by side along the channels, or element by element. */
export type MergeMode = "concat" | "sum" | "mul" | "average";

/** Options that tell the layers of one direction from those of the other; spread them into the options of the layers. */
export interface Direction {
  /** Whether these layers read the last frame first. */
  readonly goBackwards: boolean;
  /** Whether their outputs stand beside the frames that they were made at. */
  readonly keepOrder: boolean;
}

/** Options of {@link Bidirectional}. */
export interface BidirectionalOptions {
  /** How outputs are merged. Default `"concat"`. */
  readonly mergeMode?: MergeMode;
}

/** States of both directions. */
export interface BidirectionalStates<State> {
  /** Of the layers that read the first frame first. */
  readonly forward: readonly State[];
  /** Of those that read the last frame first. */
  readonly backward: readonly State[];
}

/** Merged outputs of one layer at least, and the states after the last step. */
export type BidirectionalOutput<State> = [layerOutputs: [Tensor, ...Tensor[]], lastStates: BidirectionalStates<State>];

const names: Names<BidirectionalOptions> = { mergeMode: true };

/** JSON in which names stand in alphabetical order. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_, each: JsonValue) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

const merges: Readonly<Record<MergeMode, (a: Tensor, b: Tensor, channelAxis: number) => Tensor>> = {
  concat: (a, b, channelAxis) => cat([a, b], channelAxis),
  sum: (a, b) => a.add(b),
  mul: (a, b) => a.mul(b),
  average: (a, b) => a.add(b).mul(0.5),
};

/**
 * Reads sequences in both directions, by two sets of layers with weights of their own, and merges their outputs (Schuster and Paliwal 1997;
 * Keras's `Bidirectional`). Output `t` knows the frames up to `t` and those from `t` on. Several layers run through in each direction before
 * their outputs are merged; for layers that read the merged outputs of those below, as PyTorch's `bidirectional: true` has them, put one
 * `Bidirectional` behind the other.
 *
 * ```ts
 * const model = new Bidirectional(
 *   (direction) => new ConvLSTM({ inputChannels: 1, hiddenChannels: 8, kernelSize: 3, ...direction }),
 *   { mergeMode: "sum" },
 * );
 * const [[hidden], { forward, backward }] = model.forward(x);
 * ```
 */
export class Bidirectional<State extends RecurrentState> extends Module {
  /** Layers that read the first frame first. */
  readonly forwardLayer: RecurrentLayer<State, RecurrentCell<State>>;
  /** Layers that read the last frame first. */
  readonly backwardLayer: RecurrentLayer<State, RecurrentCell<State>>;
  /** How outputs are merged. */
  readonly mergeMode: MergeMode;

  /**
   * @param makeLayer - makes the layers of one direction
   * @throws ArgumentError if there is no such merge mode, or the layers made do not read in the direction asked for
   */
  constructor(
    makeLayer: (direction: Direction) => RecurrentLayer<State, RecurrentCell<State>>,
    options: BidirectionalOptions = {},
  ) {
    super();
    checkNames("Bidirectional", options, names);
    const { mergeMode = "concat" } = options;
    checkChoice("Bidirectional", "mergeMode", mergeMode, ["concat", "sum", "mul", "average"]);
    this.mergeMode = mergeMode;
    this.forwardLayer = makeLayer({ goBackwards: false, keepOrder: false });
    this.backwardLayer = makeLayer({ goBackwards: true, keepOrder: true });
    for (const [layer, backwards] of [
      [this.forwardLayer, false],
      [this.backwardLayer, true],
    ] as const) {
      if (layer.goBackwards === backwards && layer.keepOrder === backwards) continue;
      throw new ArgumentError(
        "Bidirectional",
        `the layers made for goBackwards: ${backwards} have goBackwards: ${layer.goBackwards}, keepOrder: ${layer.keepOrder}; spread the direction into their options`,
        { expected: backwards, got: layer.goBackwards },
      );
    }
    this.checkAlike();
  }

  /** @throws ArgumentError if what the two directions make cannot be merged */
  private checkAlike(): void {
    const { forwardLayer: a, backwardLayer: b } = this;
    const channels = (layer: typeof a): string =>
      `[${(layer.returnAllLayers ? layer.hiddenChannels : layer.hiddenChannels.slice(-1)).join(",")}]`;
    const pairs: (readonly [what: string, ahead: unknown, back: unknown])[] = [
      ["inputChannels", a.inputChannels, b.inputChannels],
      ["spatialDims", a.spatialDims, b.spatialDims],
      ["batchFirst", a.batchFirst, b.batchFirst],
      ["returnSequences", a.returnSequences, b.returnSequences],
      ["returnAllLayers", a.returnAllLayers, b.returnAllLayers],
      ...(a.returnAllLayers ? [["layers", a.cells.length, b.cells.length] as const] : []),
      ...(this.mergeMode === "concat" ? [] : [["hiddenChannels of what is merged", channels(a), channels(b)] as const]),
    ];
    for (const [what, ahead, back] of pairs) {
      if (ahead === back) continue;
      const remedy = what.startsWith("hiddenChannels")
        ? `; make them equal, or use mergeMode "concat"`
        : "; make them equal";
      throw new ArgumentError(
        "Bidirectional",
        `the two directions differ in ${what}: ${String(ahead)} forward and ${String(back)} backward${remedy}`,
        { expected: ahead, got: back },
      );
    }
  }

  /**
   * Kinds and options as plain JSON: `layer` says what the forward direction is made of, `backwardLayer` the backward one where it is made of
   * something else. @throws ArgumentError if an option of the layers is a function
   */
  get config(): ModelConfig {
    const { mergeMode } = this;
    const [layer, backward] = [this.forwardLayer.config, this.backwardLayer.config];
    const direction = { goBackwards: false, keepOrder: false };
    const isSame = canonical({ ...layer, ...direction }) === canonical({ ...backward, ...direction });
    return configOf("Bidirectional", { layer, ...(isSame ? {} : { backwardLayer: backward }), mergeMode });
  }

  /** Forgets the carried states of both directions, see {@link RecurrentLayer.resetState}. @throws as there */
  resetState(mask?: readonly boolean[]): void {
    for (const layer of [this.forwardLayer, this.backwardLayer]) layer.resetState(mask);
  }

  /** Cuts the carried states of both directions from their graphs, see {@link RecurrentLayer.detachState}. @throws as there */
  detachState(): void {
    for (const layer of [this.forwardLayer, this.backwardLayer]) layer.detachState();
  }

  /**
   * @param x - as the layers take it
   * @param states - before the first step of each direction
   * @param options - lengths or a mask; the backward direction starts at the last frame that counts
   * @returns `[layerOutputs, lastStates]`: merged outputs (twice the channels with `"concat"`; of the last step of each direction without
   * `returnSequences`), and the states of both directions
   * @throws as the layers' `forward`; ShapeError if both directions make images of different sizes
   */
  forward(x: Tensor, states?: BidirectionalStates<State>, options: SequenceOptions = {}): BidirectionalOutput<State> {
    const [outputs, all] = this.forwardAll(x, states, options);
    const shown = (of: readonly State[]): readonly State[] => (this.forwardLayer.returnAllLayers ? of : of.slice(-1));
    return [outputs, { forward: shown(all.forward), backward: shown(all.backward) }];
  }

  /** As {@link forward}, but with the states of *all* layers, fit to go on with, whatever `returnAllLayers` says of outputs. */
  forwardAll(
    x: Tensor,
    states?: BidirectionalStates<State>,
    options: SequenceOptions = {},
  ): BidirectionalOutput<State> {
    this.checkCall(x, states, options);
    const [ahead, forward] = this.forwardLayer.forwardAll(x, states?.forward, options);
    const [back, backward] = this.backwardLayer.forwardAll(x, states?.backward, options);
    const channelAxis = this.forwardLayer.returnSequences ? 2 : 1;
    const merged = (a: Tensor, k: number): Tensor => merges[this.mergeMode](a, at(back, k), channelAxis);
    const [first, ...others] = ahead;
    return [[merged(first, 0), ...others.map((a, k) => merged(a, k + 1))], { forward, backward }];
  }

  /** Refuses what either direction or the merge would, before one of them carries its states on. */
  private checkCall(x: Tensor, states: BidirectionalStates<State> | undefined, options: SequenceOptions): void {
    const { forwardLayer, backwardLayer } = this;
    const ahead = forwardLayer.checkCall(x, states?.forward, options).sizes;
    const back = backwardLayer.checkCall(x, states?.backward, options).sizes;
    const shown = forwardLayer.returnAllLayers ? ahead.length : 1;
    for (let k = 1; k <= shown; k++) {
      const [a, b] = [at(ahead, ahead.length - k).states, at(back, back.length - k).states];
      if (sameShape(a, b)) continue;
      throw new ShapeError(
        "Bidirectional",
        `the two directions make images of ${formatShape(a)} and ${formatShape(b)}; give both the same strides, kernels, padding and dilation`,
        { expected: a, got: b },
      );
    }
  }
}
