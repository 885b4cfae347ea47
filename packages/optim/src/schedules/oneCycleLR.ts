import { ArgumentError } from "@squall/device";
import type { Optimizer } from "../optimizer.ts";
import { OptionReader } from "../optionReader.ts";
import { LRScheduler } from "./lrScheduler.ts";

/** Options of {@link OneCycleLR}. Where numbers may be given per parameter group, one stands for all. */
export interface OneCycleLROptions {
  /** Peak rate, > 0; one or per group. */
  readonly maxLr: number | readonly number[];
  /** Number of rates in the cycle, a whole number >= 1: how often the optimizer steps in all. */
  readonly totalSteps: number;
  /** Share of the cycle spent rising, in [0, 1]; at most 0.5 with three phases. Default 0.3. */
  readonly pctStart?: number;
  /** Shape of the rise and fall. Default `cos`. */
  readonly annealStrategy?: "cos" | "linear";
  /** Whether `momentum`, or the first of `betas`, runs against the rate. Default true. */
  readonly cycleMomentum?: boolean;
  /** Momentum at the peak rate, in [0, 1); one or per group. Default 0.85. */
  readonly baseMomentum?: number | readonly number[];
  /** Momentum at both ends, in [0, 1); one or per group. Default 0.95. */
  readonly maxMomentum?: number | readonly number[];
  /** The first rate is `maxLr / divFactor`; > 0. Default 25. */
  readonly divFactor?: number;
  /** The last rate is the first one divided by this; > 0. Default 10000. */
  readonly finalDivFactor?: number;
  /** Fall back to the first rate as fast as it rose, and spend the rest falling to the last one. Default false. */
  readonly threePhase?: boolean;
}

/** A point of the cycle by the names of what holds there. */
interface Corner {
  readonly step: number;
  readonly rate: "first" | "peak" | "last";
  readonly momentum: "max" | "base";
}

/**
 * The one-cycle policy (Smith and Topin 2018) with PyTorch's `OneCycleLR` numbers. Rates are set when it is made, and by a step after each of
 * the optimizer's. The step after the last optimizer step keeps the last rate.
 */
export class OneCycleLR extends LRScheduler {
  private readonly totalSteps: number;
  private readonly corners: readonly [Corner, ...Corner[]];
  private readonly cosine: boolean;
  private readonly cycleMomentum: boolean;
  private readonly maxLrs: readonly number[];
  private readonly baseMomenta: readonly number[];
  private readonly maxMomenta: readonly number[];
  private readonly finalDivFactor: number;

  /**
   * @throws ArgumentError if an option is missing, unknown or out of range, or if momentum is to be cycled and the optimizer has none.
   */
  constructor(optimizer: Optimizer, options: OneCycleLROptions) {
    const name = "OneCycleLR";
    const count = optimizer.paramGroups.length;
    const reader = new OptionReader(name, {
      pctStart: 0.3,
      annealStrategy: "cos",
      cycleMomentum: true,
      baseMomentum: 0.85,
      maxMomentum: 0.95,
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
      ...options,
    });
    const maxLrs = reader.perGroup("maxLr", { above: 0 }, count);
    const divFactor = reader.number("divFactor", { above: 0 });
    super(
      name,
      optimizer,
      maxLrs.map((lr) => lr / divFactor),
    );
    this.maxLrs = maxLrs;
    this.totalSteps = reader.number("totalSteps", { whole: true, least: 1 });
    this.cosine = reader.choice("annealStrategy", ["cos", "linear"]) === "cos";
    this.cycleMomentum = reader.flag("cycleMomentum");
    this.baseMomenta = reader.perGroup("baseMomentum", { least: 0, below: 1 }, count);
    this.maxMomenta = reader.perGroup("maxMomentum", { least: 0, below: 1 }, count);
    this.finalDivFactor = reader.number("finalDivFactor", { above: 0 });
    const threePhase = reader.flag("threePhase");
    const pctStart = reader.number("pctStart", { least: 0, most: threePhase ? 0.5 : 1 });
    reader.done();
    if (this.cycleMomentum && !optimizer.paramGroups.every((group) => "momentum" in group || "betas" in group)) {
      throw new ArgumentError(
        name,
        `${optimizer.name} has neither momentum nor betas to cycle; set cycleMomentum: false`,
        { got: optimizer.name },
      );
    }
    const rise = pctStart * this.totalSteps;
    this.corners = [
      { step: 0, rate: "first", momentum: "max" },
      { step: rise - 1, rate: "peak", momentum: "base" },
      ...(threePhase ? [{ step: 2 * rise - 2, rate: "first", momentum: "max" } as const] : []),
      { step: this.totalSteps - 1, rate: "last", momentum: "max" },
    ];
    this.apply(0);
  }

  /** The formula. */
  protected override rate(baseLr: number, epoch: number, group: number): number {
    const rates = { first: baseLr, peak: this.maxLrs[group] ?? baseLr, last: baseLr / this.finalDivFactor };
    const [from, to, share] = this.phase(epoch);
    return this.anneal(rates[from.rate], rates[to.rate], share);
  }

  /** @throws ArgumentError after the end of the cycle. */
  protected override checkEpoch(epoch: number): void {
    if (epoch <= this.totalSteps) return;
    throw new ArgumentError(
      this.name,
      `step ${epoch} is beyond the cycle of ${this.totalSteps} steps; set totalSteps to how often the optimizer steps in all`,
      { expected: this.totalSteps, got: epoch },
    );
  }

  /** Rates, and momenta against them. */
  protected override apply(epoch: number): void {
    super.apply(epoch);
    if (!this.cycleMomentum) return;
    const [from, to, share] = this.phase(epoch);
    for (const [g, group] of this.optimizer.paramGroups.entries()) {
      const momenta = { max: this.maxMomenta[g] ?? 0, base: this.baseMomenta[g] ?? 0 };
      const momentum = this.anneal(momenta[from.momentum], momenta[to.momentum], share);
      if ("betas" in group && Array.isArray(group.betas)) group.betas = [momentum, ...group.betas.slice(1)];
      else if ("momentum" in group) group.momentum = momentum;
    }
  }

  /** The corners on both sides of an epoch, and how far it is from the first to the second, in [0, 1]. */
  private phase(epoch: number): readonly [Corner, Corner, number] {
    const [first, ...others] = this.corners;
    let from = first;
    let to = first;
    for (const corner of others) {
      [from, to] = [to, corner];
      if (epoch <= corner.step) break;
    }
    // A phase may have no length at all (a rise of one step); it is over at once.
    const share = to.step === from.step ? 1 : (epoch - from.step) / (to.step - from.step);
    return [from, to, Math.min(share, 1)];
  }

  private anneal(from: number, to: number, share: number): number {
    if (!this.cosine) return (to - from) * share + from;
    return to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1);
  }
}
