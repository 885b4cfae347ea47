import type { Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link Softplus}. */
export interface SoftplusOptions {
  /** Sharpness, above 0. Default 1. */
  readonly beta?: number;
}

const names: Names<SoftplusOptions> = { beta: true };

/** `log(1 + e^(beta·x)) / beta`, a smooth relu. Exact for all sizes of `x`, so there is no threshold as in PyTorch. */
export class Softplus extends Module {
  /** Sharpness. */
  readonly beta: number;

  /** @throws ArgumentError if an option is unknown or `beta` is not above 0 */
  constructor(options: SoftplusOptions = {}) {
    super();
    checkNames("Softplus", options, names);
    const { beta = 1 } = options;
    checkNumber("Softplus", "beta", beta, "a finite number > 0", (n) => n > 0);
    this.beta = beta;
  }

  /** Any shape; the same shape. */
  forward(x: Tensor): Tensor {
    return this.beta === 1 ? x.softplus() : x.mul(this.beta).softplus().div(this.beta);
  }
}
