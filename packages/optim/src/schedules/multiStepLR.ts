import { ArgumentError } from "@squall/device";
import type { Optimizer } from "../optimizer.ts";
import { OptionReader } from "../optionReader.ts";
import { LRScheduler } from "./lrScheduler.ts";

/** Options of {@link MultiStepLR}. */
export interface MultiStepLROptions {
  /** Steps after which the rate decays, whole numbers >= 1 in ascending order; one given twice decays twice. */
  readonly milestones: readonly number[];
  /** Factor of each decay, >= 0. Default 0.1. */
  readonly gamma?: number;
}

/** `lr = baseLr · gamma^(number of milestones <= epoch)` */
export class MultiStepLR extends LRScheduler {
  private readonly milestones: readonly number[];
  private readonly gamma: number;

  /** @throws ArgumentError if an option is missing, unknown or out of range. */
  constructor(optimizer: Optimizer, options: MultiStepLROptions) {
    super("MultiStepLR", optimizer);
    const reader = new OptionReader(this.name, { gamma: 0.1, ...options });
    this.milestones = reader.list("milestones", { whole: true, least: 1 });
    this.gamma = reader.number("gamma", { least: 0 });
    reader.done();
    if (this.milestones.some((milestone, k) => milestone < (this.milestones[k - 1] ?? 0))) {
      throw new ArgumentError(this.name, `milestones must ascend, got [${this.milestones.join(",")}]; sort them`, {
        got: this.milestones,
      });
    }
  }

  /** The formula. */
  protected override rate(baseLr: number, epoch: number): number {
    return baseLr * this.gamma ** this.milestones.filter((milestone) => milestone <= epoch).length;
  }
}
