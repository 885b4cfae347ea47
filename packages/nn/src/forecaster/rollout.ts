import type { Shape } from "@squall/device";
import { type Generator, type Tensor, zerosLike } from "@squall/tensor";
import { at } from "../at.ts";
import type { RecurrentState } from "../recurrent/cell.ts";
import type { LayerNoise } from "../recurrent/layerNoise.ts";
import type { ActiveSamples } from "../recurrent/sequenceMask.ts";
import type { AnyRecurrentLayer } from "./cells.ts";
import { chooseSamples, drawSamples } from "./samples.ts";

/** What a {@link Rollout} needs of a model. Frames are cut into patches here, `[N, C, …grid]`. */
export interface RolloutModel {
  /** Reads frames. */
  readonly encoder: AnyRecurrentLayer;
  /** Makes hidden states of frames; reads frames too. */
  readonly forecaster: AnyRecurrentLayer;
  /** The encoder's states in the order of the forecaster's layers. */
  readonly handOver: (states: readonly RecurrentState[]) => readonly RecurrentState[];
  /** From hidden states of the forecaster's layers to a forecast. */
  readonly logitsOf: (layers: readonly Tensor[]) => Tensor;
  /** From a forecast to a frame. */
  readonly frameOf: (logits: Tensor) => Tensor;
  /** Where choices between true and forecast frames come from. */
  readonly generator: Generator;
}

/** What the encoder knows after its sequence. */
export interface ReadFrames {
  /** States of the encoder's layers. */
  readonly states: readonly RecurrentState[];
  /** The last frame that each sample's encoder read; zeros for samples without frames. */
  readonly last: Tensor;
}

/** One pass of a model that reads its own forecasts, frame by frame. Dropout masks hold for all of it. */
export class Rollout {
  private readonly model: RolloutModel;
  private readonly batch: number;
  private readonly gridSize: Shape;
  private noise: readonly LayerNoise[] | undefined;

  /** @param gridSize - spatial sizes of the frames, in patches */
  constructor(model: RolloutModel, batch: number, gridSize: Shape) {
    this.model = model;
    this.batch = batch;
    this.gridSize = gridSize;
    this.noise = undefined;
  }

  /**
   * The encoder's sequence with some frames replaced by forecasts of them by one step.
   * @param frames - one per step
   * @param p - probability that a frame is the true one
   * @throws RangeError if there are no frames
   */
  read(frames: readonly Tensor[], active: ActiveSamples | undefined, p: number): ReadFrames {
    const { encoder, handOver, generator } = this.model;
    const noise = encoder.drawNoise(this.batch, this.gridSize);
    const started = Array.from({ length: this.batch }, () => false);
    let result: ReadFrames | undefined;
    for (const [t, truth] of frames.entries()) {
      let frame = truth;
      if (result !== undefined) {
        const { states, last } = result;
        const isTrue = drawSamples(this.batch, p, generator).map((drawn, n) => drawn || started[n] !== true);
        frame = chooseSamples(isTrue, truth, () => this.model.frameOf(this.step(last, handOver(states))[0]));
      }
      const [, states] = encoder.step(frame, result?.states, { active: active?.[t], noise });
      result = { states, last: latest(active?.[t], frame, result?.last) };
      for (const n of started.keys()) started[n] ||= active?.[t]?.[n] ?? true;
    }
    if (result === undefined) throw new RangeError("no frames to read");
    return result;
  }

  /**
   * The forecaster's sequence, each step reading the frame of the step before.
   * @param last - the frame before the first step
   * @param states - of the forecaster's layers
   * @param targets - the true frames, one per step
   * @param p - probability that a true frame is read rather than the forecast
   * @returns forecasts, one per step
   */
  forecast(
    steps: number,
    last: Tensor,
    states: readonly RecurrentState[],
    targets: readonly Tensor[],
    p: number,
  ): Tensor[] {
    const forecasts: Tensor[] = [];
    let [frame, before] = [last, states];
    while (forecasts.length < steps) {
      const truth = targets[forecasts.length];
      const [logits, after] = this.step(frame, before);
      forecasts.push(logits);
      before = after;
      if (forecasts.length === steps) break;
      const own = (): Tensor => this.model.frameOf(logits);
      const isTrue = p === 0 ? [] : drawSamples(this.batch, p, this.model.generator);
      frame = truth === undefined || p === 0 ? own() : chooseSamples(isTrue, truth, own);
    }
    return forecasts;
  }

  private step(frame: Tensor, states: readonly RecurrentState[]): [logits: Tensor, states: readonly RecurrentState[]] {
    const { forecaster, logitsOf } = this.model;
    this.noise ??= forecaster.drawNoise(this.batch, this.gridSize, states);
    const [layers, after] = forecaster.step(frame, states, { noise: this.noise });
    return [logitsOf(layers), after];
  }
}

/**
 * The last frame that counts of each sample, `[N, C, …]`.
 * @param frames - one per step, at least one
 * @param before - for samples of which none counts; zeros if left out
 */
export function latestFrame(frames: readonly Tensor[], active: ActiveSamples, before: Tensor | undefined): Tensor {
  return frames.reduce((last, frame, t) => latest(active[t], frame, last), before ?? zerosLike(at(frames, 0)));
}

function latest(active: readonly boolean[] | undefined, frame: Tensor, last: Tensor | undefined): Tensor {
  return active === undefined ? frame : chooseSamples(active, frame, () => last ?? zerosLike(frame));
}
