// A model in training: its steps, and its way from device to device. Knows nothing of the page.

import { type FilmSource, filmSource, streams } from "@squall/example-moving-digits/films";
import { glyphSource } from "@squall/example-moving-digits/glyphs";
import type { Forecaster } from "@squall/example-moving-digits/model";
import type { Options } from "@squall/example-moving-digits/presets";
import { computeGradients, makeOptimizer } from "@squall/example-moving-digits/step";
import type { ModelConfig, StateDict } from "@squall/nn";
import type { Optimizer, OptimizerStateDict } from "@squall/optim";
import { type Device, type Generator, scope, type Tensor } from "@squall/tensor";
import { modelWith, newModel, readAll } from "./model.ts";

/** What a training run starts from. */
export interface TrainerStart {
  readonly options: Options;
  readonly device: Device;
  /** Decides the films, and the weights if there is no model. */
  readonly seed: number;
  /** The model to go on with, which stays as it is; one with random weights if undefined. */
  readonly model: Forecaster | undefined;
}

/** Everything of a run that is on its device, read. */
interface Snapshot {
  readonly steps: number;
  readonly weights: StateDict;
  readonly optimizer: OptimizerStateDict | undefined;
}

/** Where a run is on a new device, before it goes there for good. */
export interface Move {
  /** Steps that are lost, because the old device could not be read any more. */
  readonly lostSteps: number;
  /** Goes there. */
  commit(): void;
}

/** Weights that are good already are changed by smaller steps. */
const FINE_TUNING = 1 / 10;

/** A model in training. Call its methods one after the other. */
export class Trainer {
  readonly options: Options;
  private readonly config: ModelConfig;
  private readonly films: FilmSource;
  private readonly generator: Generator;
  private now: { model: Forecaster; optimizer: Optimizer };
  private taken = 0;
  private saved: Snapshot;

  constructor({ options, device, seed, model }: TrainerStart) {
    const learningRate = options.learningRate * (model === undefined ? 1 : FINE_TUNING);
    this.options = { ...options, learningRate };
    this.films = filmSource(glyphSource(options.digitSize), options);
    this.generator = streams(seed).training;
    const first = model ?? newModel(options, seed);
    this.config = first.config;
    this.saved = { steps: 0, weights: first.stateDict(), optimizer: undefined };
    this.now = this.restore(this.saved, device);
  }

  /** The model. Ask again after a move. */
  get model(): Forecaster {
    return this.now.model;
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.taken;
  }

  /**
   * Takes a step.
   *
   * @returns the loss of its batch: cross-entropy in nats per pixel
   * @throws Error if the loss is no number any more; whatever the device throws
   */
  async step(): Promise<number> {
    const { model, optimizer } = this.now;
    const films = this.films(this.options.batch, this.generator);
    using loss = scope((): Tensor => {
      const loss = computeGradients(model, films, this.options);
      optimizer.step();
      return loss.detach();
    });
    const value = await loss.item();
    if (!Number.isFinite(value)) throw new Error(`the loss became ${value} in step ${this.taken + 1}`);
    this.taken++;
    return value;
  }

  /** Reads everything, for the case that the device fails. */
  async save(): Promise<void> {
    const { model, optimizer } = this.now;
    const { state, groups } = optimizer.stateDict();
    const [weights, buffers] = await Promise.all([readAll(model.stateDict()), readAll(state)]);
    this.saved = { steps: this.taken, weights, optimizer: { state: buffers, groups } };
  }

  /**
   * Prepares a move to another device, with all weights and the optimizer's state. If the present device cannot be read any more, what
   * was saved last is moved.
   */
  async moveTo(device: Device): Promise<Move> {
    const reached = this.taken;
    await this.save().catch(() => {});
    const { saved } = this;
    const there = this.restore(saved, device);
    return {
      lostSteps: reached - saved.steps,
      commit: () => {
        this.now = there;
        this.taken = saved.steps;
      },
    };
  }

  private restore(
    { weights, optimizer: saved }: Snapshot,
    device: Device,
  ): { model: Forecaster; optimizer: Optimizer } {
    const model = modelWith(this.config, weights, device);
    const optimizer = makeOptimizer(model.parameters(), this.options);
    if (saved !== undefined) {
      const state = Object.entries(saved.state).map(([name, value]): [string, Tensor] => [name, value.to(device)]);
      optimizer.loadStateDict({ state: Object.fromEntries(state), groups: saved.groups });
    }
    return { model, optimizer };
  }
}
