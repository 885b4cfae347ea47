import type { Optimizer } from "../optimizer.ts";
import { OptionReader } from "../optionReader.ts";
import { LRScheduler } from "./lrScheduler.ts";

/** Options of {@link StepLR}. */
export interface StepLROptions {
  /** Steps between decays, a whole number >= 1. */
  readonly stepSize: number;
  /** Factor of each decay, >= 0. Default 0.1. */
  readonly gamma?: number;
}

/** `lr = baseLr · gamma^⌊epoch / stepSize⌋` */
export class StepLR extends LRScheduler {
  private readonly stepSize: number;
  private readonly gamma: number;

  /** @throws ArgumentError if an option is missing, unknown or out of range. */
  constructor(optimizer: Optimizer, options: StepLROptions) {
    super("StepLR", optimizer);
    const reader = new OptionReader(this.name, { gamma: 0.1, ...options });
    this.stepSize = reader.number("stepSize", { whole: true, least: 1 });
    this.gamma = reader.number("gamma", { least: 0 });
    reader.done();
  }

  /** The formula. */
  protected override rate(baseLr: number, epoch: number): number {
    return baseLr * this.gamma ** Math.floor(epoch / this.stepSize);
  }
}
