import type { Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link ELU}. */
export interface ELUOptions {
  /** Size of the limit below 0. Default 1. */
  readonly alpha?: number;
}

const names: Names<ELUOptions> = { alpha: true };

/** `x` above 0, `alpha · (eˣ - 1)` elsewhere (Clevert et al. 2016). */
export class ELU extends Module {
  /** Size of the limit below 0. */
  readonly alpha: number;

  /** @throws ArgumentError if an option is unknown or `alpha` is not a finite number */
  constructor(options: ELUOptions = {}) {
    super();
    checkNames("ELU", options, names);
    const { alpha = 1 } = options;
    checkNumber("ELU", "alpha", alpha);
    this.alpha = alpha;
  }

  /** Any shape; the same shape. */
  forward(x: Tensor): Tensor {
    return x.elu(this.alpha);
  }
}
