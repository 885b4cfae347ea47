import { ArgumentError, formatShape, ShapeError, sameShape } from "@squall/device";
import { cat, type Tensor } from "@squall/tensor";
import { checkChoice } from "../arguments.ts";
import { configOf, type ModelConfig } from "../module/config.ts";
import { Module } from "../module/module.ts";
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

const merges: Readonly<Record<MergeMode, (a: Tensor, b: Tensor, channelAxis: number) => Tensor>> = {
  concat: (a, b, channelAxis) => cat([a, b], channelAxis),
  sum: (a, b) => a.add(b),
  mul: (a, b) => a.mul(b),
  average: (a, b) => a.add(b).mul(0.5),
};

/**
 * Reads sequences in both directions, by two sets of layers with weights of their own, and merges their outputs (Schuster and Paliwal 1997;
 * Keras's `Bidirectional`). Output `t` knows the frames up to `t` and those from `t` on.
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
  }

  /** Kind and options as plain JSON. @throws ArgumentError if an option of the layers is a function */
  get config(): ModelConfig {
    return configOf("Bidirectional", { layer: this.forwardLayer.config, mergeMode: this.mergeMode });
  }

  /**
   * @param x - as the layers take it
   * @param states - before the first step of each direction
   * @param options - lengths or a mask; the backward direction starts at the last frame that counts
   * @returns `[layerOutputs, lastStates]`: merged outputs (twice the channels with `"concat"`; of the last step of each direction without
   * `returnSequences`), and the states of both directions
   * @throws as the layers' `forward`; ShapeError if both directions differ in channels and are not concatenated
   */
  forward(
    x: Tensor,
    states?: BidirectionalStates<State>,
    options: SequenceOptions = {},
  ): [layerOutputs: Tensor[], lastStates: BidirectionalStates<State>] {
    const [ahead, forward] = this.forwardLayer.forward(x, states?.forward, options);
    const [back, backward] = this.backwardLayer.forward(x, states?.backward, options);
    const channelAxis = this.forwardLayer.returnSequences ? 2 : 1;
    const outputs = ahead.map((a, k) => {
      const b = back[k] ?? a;
      if (this.mergeMode !== "concat" && !sameShape(a.shape, b.shape)) {
        throw new ShapeError(
          "Bidirectional",
          `mergeMode "${this.mergeMode}" needs outputs of one shape, got ${formatShape(a.shape)} and ${formatShape(b.shape)}; use "concat"`,
          { expected: a.shape, got: b.shape },
        );
      }
      return merges[this.mergeMode](a, b, channelAxis);
    });
    return [outputs, { forward, backward }];
  }
}
