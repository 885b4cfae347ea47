import { ArgumentError } from "@squall/device";
import { OptionReader } from "./optionReader.ts";
import { asStateDictError } from "./stateDict.ts";

/** Options of {@link EarlyStopping}. */
export interface EarlyStoppingOptions {
  /** Whether the metric is to fall or to rise. Default `min`. */
  readonly mode?: "min" | "max";
  /** Number of steps in a row without improvement after which to stop, a whole number >= 1. Default 10. */
  readonly patience?: number;
  /** By how much a metric must be better than the best so far to count, in the metric's unit, >= 0. Default 0: by anything. */
  readonly minDelta?: number;
}

/** Where an {@link EarlyStopping} is: plain JSON. Its options are not part of it; make it with the same ones. */
export interface EarlyStoppingState {
  /** Number of steps taken. */
  readonly lastEpoch: number;
  /** Best metric so far; `null` before there is one. */
  readonly best: number | null;
  /** Steps since it was met. */
  readonly badEpochs: number;
}

/**
 * Says when a metric has stopped improving, by the rule of Keras's callback of the same name: stop once `patience` steps in a row were not
 * better than the best by more than `minDelta`. It stops nothing by itself and keeps no weights: save them when {@link improved} says so.
 *
 * ```ts
 * const stopping = new EarlyStopping({ patience: 5 });
 * for (let epoch = 0; epoch < 100; epoch++) {
 *   train();
 *   if (stopping.step(await validate())) break;
 *   if (stopping.improved) await save();
 * }
 * ```
 */
export class EarlyStopping {
  /** Name for messages. */
  readonly name = "EarlyStopping";
  private readonly mode: "min" | "max";
  private readonly patience: number;
  private readonly minDelta: number;
  private epoch = 0;
  private bestSoFar: number | null = null;
  private badEpochs = 0;

  /** @throws ArgumentError if an option is unknown or out of range. */
  constructor(options: EarlyStoppingOptions = {}) {
    const reader = new OptionReader(this.name, { mode: "min", patience: 10, minDelta: 0, ...options });
    this.mode = reader.choice("mode", ["min", "max"]);
    this.patience = reader.number("patience", { whole: true, least: 1 });
    this.minDelta = reader.number("minDelta", { least: 0 });
    reader.done();
  }

  /** Number of steps taken. */
  get lastEpoch(): number {
    return this.epoch;
  }

  /** Best metric so far; `undefined` before there is one. */
  get best(): number | undefined {
    return this.bestSoFar ?? undefined;
  }

  /** Whether the last step was better than all before, by more than `minDelta`. */
  get improved(): boolean {
    return this.epoch > 0 && this.badEpochs === 0;
  }

  /** Whether it is time to stop. */
  get stopped(): boolean {
    return this.badEpochs >= this.patience;
  }

  /**
   * Takes note of a metric, usually the validation loss after an epoch.
   * @param metric - a number, such as `await loss.item()`; NaN never counts as better
   * @returns whether it is time to stop
   * @throws ArgumentError if it is no number, or infinitely good.
   */
  step(metric: number): boolean {
    const sign = this.mode === "min" ? 1 : -1;
    if (typeof metric !== "number" || sign * metric === Number.NEGATIVE_INFINITY) {
      throw new ArgumentError(
        this.name,
        `the metric must be a number that can be improved on, got ${metric}; read a tensor with await loss.item()`,
        { got: metric },
      );
    }
    this.epoch++;
    const bar = this.bestSoFar === null ? Number.POSITIVE_INFINITY : sign * this.bestSoFar - this.minDelta;
    if (sign * metric < bar) {
      this.bestSoFar = metric;
      this.badEpochs = 0;
    } else this.badEpochs++;
    return this.stopped;
  }

  /** Where it is. */
  stateDict(): EarlyStoppingState {
    return { lastEpoch: this.epoch, best: this.bestSoFar, badEpochs: this.badEpochs };
  }

  /**
   * Goes on where another one of the same options was.
   * @throws StateDictError if the state does not fit; nothing is changed then.
   */
  loadStateDict(state: EarlyStoppingState): void {
    const op = `${this.name}.loadStateDict`;
    const read = asStateDictError(op, "state", () => {
      const reader = new OptionReader(op, state);
      const values = {
        epoch: reader.number("lastEpoch", { whole: true, least: 0 }),
        best: reader.numberOrNull("best", {}),
        badEpochs: reader.number("badEpochs", { whole: true, least: 0 }),
      };
      reader.done();
      return values;
    });
    this.epoch = read.epoch;
    this.bestSoFar = read.best;
    this.badEpochs = read.badEpochs;
  }
}
