import { ArgumentError, StateDictError } from "@squall/device";
import type { Optimizer } from "../optimizer.ts";
import { OptionReader } from "../optionReader.ts";
import { asStateDictError } from "../stateDict.ts";

/** Where a schedule is: plain JSON. Its options are not part of it; make the scheduler with the same ones. */
export interface LRSchedulerState {
  /** Number of steps taken. */
  readonly lastEpoch: number;
  /** Learning rates of the parameter groups that the schedule starts from. */
  readonly baseLrs: readonly number[];
}

/**
 * Base of the schedules that are functions of the number of steps. Each {@link LRScheduler.step} computes the learning rates anew from those
 * at the start, so rates set by hand are overwritten, and a loaded schedule continues exactly. The numbers are those of PyTorch's
 * scheduler of the same name, whose recursive form they solve.
 */
export abstract class LRScheduler {
  /** Name for messages. */
  readonly name: string;
  /** Whose learning rates it sets. */
  readonly optimizer: Optimizer;
  private epoch = 0;
  private bases: readonly number[];

  /**
   * @param baseLrs - learning rates of the groups at the start. Default: those the optimizer has.
   */
  constructor(
    name: string,
    optimizer: Optimizer,
    baseLrs: readonly number[] = optimizer.paramGroups.map((group) => group.lr),
  ) {
    this.name = name;
    this.optimizer = optimizer;
    this.bases = baseLrs;
  }

  /** Learning rate of a group after `epoch` steps. */
  protected abstract rate(baseLr: number, epoch: number, group: number): number;

  /** Number of steps taken. */
  get lastEpoch(): number {
    return this.epoch;
  }

  /** The learning rates as this schedule has them, one per group. */
  get lastLr(): readonly number[] {
    return this.bases.map((base, group) => this.rate(base, this.epoch, group));
  }

  /**
   * Goes on to the next epoch, or to the next batch if that is what the schedule counts. Call it after the optimizer's step.
   * @throws ArgumentError if the optimizer got more parameter groups meanwhile.
   */
  step(): void {
    this.checkGroups(this.optimizer.paramGroups.length);
    this.checkEpoch(this.epoch + 1);
    this.epoch++;
    this.apply(this.epoch);
  }

  /** Refuses an epoch that the schedule does not reach. */
  protected checkEpoch(_epoch: number): void {}

  /** Sets what the schedule governs. */
  protected apply(_epoch: number): void {
    const rates = this.lastLr;
    for (const [g, group] of this.optimizer.paramGroups.entries()) group.lr = rates[g] ?? group.lr;
  }

  private checkGroups(count: number): void {
    if (count !== this.bases.length) {
      throw new ArgumentError(
        this.name,
        `the optimizer has ${count} parameter groups but had ${this.bases.length} when the schedule was made; make the scheduler after adding all groups`,
        { expected: this.bases.length, got: count },
      );
    }
  }

  /** Where it is. */
  stateDict(): LRSchedulerState {
    return { lastEpoch: this.epoch, baseLrs: [...this.bases] };
  }

  /**
   * Goes on where another schedule of the same options was, and sets the optimizer's learning rates accordingly.
   * @throws StateDictError if the state does not fit; nothing is changed then.
   */
  loadStateDict(state: LRSchedulerState): void {
    const op = `${this.name}.loadStateDict`;
    const { lastEpoch, baseLrs } = asStateDictError(op, "state", () => {
      const reader = new OptionReader(op, state);
      const read = {
        lastEpoch: reader.number("lastEpoch", { whole: true, least: 0 }),
        baseLrs: reader.list("baseLrs", { least: 0 }),
      };
      reader.done();
      this.checkGroups(this.optimizer.paramGroups.length);
      this.checkEpoch(read.lastEpoch);
      return read;
    });
    if (baseLrs.length !== this.bases.length) {
      throw new StateDictError(
        op,
        `the state is of ${baseLrs.length} parameter groups but the optimizer has ${this.bases.length}; make it with the same groups`,
        { expected: this.bases.length, got: baseLrs.length },
      );
    }
    this.epoch = lastEpoch;
    this.bases = baseLrs;
    this.apply(lastEpoch);
  }
}
