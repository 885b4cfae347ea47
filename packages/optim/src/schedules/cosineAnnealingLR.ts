import type { Optimizer } from "../optimizer.ts";
import { OptionReader } from "../optionReader.ts";
import { LRScheduler } from "./lrScheduler.ts";

/** Options of {@link CosineAnnealingLR}. */
export interface CosineAnnealingLROptions {
  /** Steps from the largest to the smallest rate, a whole number >= 1. After them the rate rises again. */
  readonly tMax: number;
  /** Smallest rate, >= 0. Default 0. */
  readonly etaMin?: number;
}

/** `lr = etaMin + (baseLr - etaMin)·(1 + cos(π·epoch / tMax)) / 2`: SGDR (Loshchilov and Hutter 2017) without its restarts. */
export class CosineAnnealingLR extends LRScheduler {
  private readonly tMax: number;
  private readonly etaMin: number;

  /** @throws ArgumentError if an option is missing, unknown or out of range. */
  constructor(optimizer: Optimizer, options: CosineAnnealingLROptions) {
    super("CosineAnnealingLR", optimizer);
    const reader = new OptionReader(this.name, { etaMin: 0, ...options });
    this.tMax = reader.number("tMax", { whole: true, least: 1 });
    this.etaMin = reader.number("etaMin", { least: 0 });
    reader.done();
  }

  /** The formula. */
  protected override rate(baseLr: number, epoch: number): number {
    return this.etaMin + ((baseLr - this.etaMin) * (1 + Math.cos((Math.PI * epoch) / this.tMax))) / 2;
  }
}
