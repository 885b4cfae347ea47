import type { Optimizer } from "../optimizer.ts";
import { OptionReader } from "../optionReader.ts";
import { LRScheduler } from "./lrScheduler.ts";

/** Options of {@link ExponentialLR}. */
export interface ExponentialLROptions {
  /** Factor of each step, >= 0. */
  readonly gamma: number;
}

/** `lr = baseLr · gamma^epoch` */
export class ExponentialLR extends LRScheduler {
  private readonly gamma: number;

  /** @throws ArgumentError if an option is missing, unknown or out of range. */
  constructor(optimizer: Optimizer, options: ExponentialLROptions) {
    super("ExponentialLR", optimizer);
    const reader = new OptionReader(this.name, options);
    this.gamma = reader.number("gamma", { least: 0 });
    reader.done();
  }

  /** The formula. */
  protected override rate(baseLr: number, epoch: number): number {
    return baseLr * this.gamma ** epoch;
  }
}
