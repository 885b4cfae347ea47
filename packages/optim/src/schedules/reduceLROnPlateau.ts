import { ArgumentError, StateDictError } from "@squall/device";
import type { Optimizer } from "../optimizer.ts";
import { OptionReader } from "../optionReader.ts";
import { asStateDictError } from "../stateDict.ts";

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions {
  /** Whether the metric is to fall or to rise. Default `min`. */
  readonly mode?: "min" | "max";
  /** Factor of each reduction, in [0, 1). Default 0.1. */
  readonly factor?: number;
  /** Number of steps without improvement that are borne; the next one reduces. Default 10. */
  readonly patience?: number;
  /** How much better than the best a metric must be, >= 0. Default 0.0001. */
  readonly threshold?: number;
  /** Whether `threshold` is a share of the best metric or a difference from it. Default `rel`. */
  readonly thresholdMode?: "rel" | "abs";
  /** Steps after a reduction in which nothing is counted. Default 0. */
  readonly cooldown?: number;
  /** Smallest rate, >= 0; one or per parameter group. Default 0. */
  readonly minLr?: number | readonly number[];
  /** A reduction by no more than this is not made. Default 1e-8. */
  readonly eps?: number;
}

/** Where a {@link ReduceLROnPlateau} is: plain JSON. Its options are not part of it; make the scheduler with the same ones. */
export interface ReduceLROnPlateauState {
  /** Number of steps taken. */
  readonly lastEpoch: number;
  /** Best metric so far; `null` before there is one. */
  readonly best: number | null;
  /** Steps since it was met. */
  readonly badEpochs: number;
  /** Steps left in which nothing is counted. */
  readonly cooldownLeft: number;
  /** Learning rates of the parameter groups. */
  readonly lastLr: readonly number[];
}

/** Reduces the learning rate when a metric has stopped improving, by PyTorch's rule of the same name. */
export class ReduceLROnPlateau {
  /** Name for messages. */
  readonly name = "ReduceLROnPlateau";
  /** Whose learning rates it sets. */
  readonly optimizer: Optimizer;
  private readonly mode: "min" | "max";
  private readonly factor: number;
  private readonly patience: number;
  private readonly threshold: number;
  private readonly relative: boolean;
  private readonly cooldown: number;
  private readonly minLrs: readonly number[];
  private readonly eps: number;
  private epoch = 0;
  private best: number | null = null;
  private badEpochs = 0;
  private cooldownLeft = 0;

  /** @throws ArgumentError if an option is unknown or out of range. */
  constructor(optimizer: Optimizer, options: ReduceLROnPlateauOptions = {}) {
    this.optimizer = optimizer;
    const reader = new OptionReader(this.name, {
      mode: "min",
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: "rel",
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
      ...options,
    });
    this.mode = reader.choice("mode", ["min", "max"]);
    this.factor = reader.number("factor", { least: 0, below: 1 });
    this.patience = reader.number("patience", { whole: true, least: 0 });
    this.threshold = reader.number("threshold", { least: 0 });
    this.relative = reader.choice("thresholdMode", ["rel", "abs"]) === "rel";
    this.cooldown = reader.number("cooldown", { whole: true, least: 0 });
    this.minLrs = reader.perGroup("minLr", { least: 0 }, optimizer.paramGroups.length);
    this.eps = reader.number("eps", { least: 0 });
    reader.done();
  }

  /** Number of steps taken. */
  get lastEpoch(): number {
    return this.epoch;
  }

  /** The learning rates of the optimizer's groups. */
  get lastLr(): readonly number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  /**
   * Takes note of a metric, usually the validation loss after an epoch, and reduces the rates if it is time.
   * @param metric - a number, such as `await loss.item()`; NaN never counts as better
   * @throws ArgumentError if it is no number, or infinitely good; or if the optimizer got more parameter groups meanwhile.
   */
  step(metric: number): void {
    if (
      typeof metric !== "number" ||
      metric === (this.mode === "min" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY)
    ) {
      throw new ArgumentError(
        this.name,
        `the metric must be a number that can be improved on, got ${metric}; read a tensor with await loss.item()`,
        { got: metric },
      );
    }
    const count = this.optimizer.paramGroups.length;
    if (count !== this.minLrs.length) {
      throw new ArgumentError(
        this.name,
        `the optimizer has ${count} parameter groups but had ${this.minLrs.length} when the schedule was made; make the scheduler after adding all groups`,
        { expected: this.minLrs.length, got: count },
      );
    }
    this.epoch++;
    if (this.isBetter(metric)) {
      this.best = metric;
      this.badEpochs = 0;
    } else this.badEpochs++;
    if (this.cooldownLeft > 0) {
      this.cooldownLeft--;
      this.badEpochs = 0;
    }
    if (this.badEpochs > this.patience) {
      this.reduce();
      this.cooldownLeft = this.cooldown;
      this.badEpochs = 0;
    }
  }

  private isBetter(metric: number): boolean {
    const { best, threshold } = this;
    if (this.mode === "min") {
      const least = best ?? Number.POSITIVE_INFINITY;
      return metric < (this.relative ? least * (1 - threshold) : least - threshold);
    }
    const most = best ?? Number.NEGATIVE_INFINITY;
    return metric > (this.relative ? most * (1 + threshold) : most + threshold);
  }

  private reduce(): void {
    for (const [g, group] of this.optimizer.paramGroups.entries()) {
      const lr = Math.max(group.lr * this.factor, this.minLrs[g] ?? 0);
      if (group.lr - lr > this.eps) group.lr = lr;
    }
  }

  /** Where it is. */
  stateDict(): ReduceLROnPlateauState {
    const { best, badEpochs, cooldownLeft } = this;
    return { lastEpoch: this.epoch, best, badEpochs, cooldownLeft, lastLr: this.lastLr };
  }

  /**
   * Goes on where another schedule of the same options was, and sets the optimizer's learning rates accordingly.
   * @throws StateDictError if the state does not fit; nothing is changed then.
   */
  loadStateDict(state: ReduceLROnPlateauState): void {
    const op = `${this.name}.loadStateDict`;
    const read = asStateDictError(op, "state", () => {
      const reader = new OptionReader(op, state);
      const values = {
        best: reader.numberOrNull("best", {}),
        epoch: reader.number("lastEpoch", { whole: true, least: 0 }),
        badEpochs: reader.number("badEpochs", { whole: true, least: 0 }),
        cooldownLeft: reader.number("cooldownLeft", { whole: true, least: 0 }),
        lastLr: reader.list("lastLr", { least: 0 }),
      };
      reader.done();
      return values;
    });
    const groups = this.optimizer.paramGroups;
    if (read.lastLr.length !== groups.length) {
      throw new StateDictError(
        op,
        `the state is of ${read.lastLr.length} parameter groups but the optimizer has ${groups.length}; make it with the same groups`,
        { expected: groups.length, got: read.lastLr.length },
      );
    }
    this.epoch = read.epoch;
    this.best = read.best;
    this.badEpochs = read.badEpochs;
    this.cooldownLeft = read.cooldownLeft;
    for (const [g, group] of groups.entries()) group.lr = read.lastLr[g] ?? group.lr;
  }
}
