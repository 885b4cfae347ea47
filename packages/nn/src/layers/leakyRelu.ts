import type { Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link LeakyReLU}. */
export interface LeakyReLUOptions {
  /** Slope below 0. Default 0.01. */
  readonly negativeSlope?: number;
}

const names: Names<LeakyReLUOptions> = { negativeSlope: true };

/** `x` above 0, `negativeSlope · x` elsewhere. */
export class LeakyReLU extends Module {
  /** Slope below 0. */
  readonly negativeSlope: number;

  /** @throws ArgumentError if an option is unknown or the slope is not a finite number */
  constructor(options: LeakyReLUOptions = {}) {
    super();
    checkNames("LeakyReLU", options, names);
    const { negativeSlope = 0.01 } = options;
    checkNumber("LeakyReLU", "negativeSlope", negativeSlope);
    this.negativeSlope = negativeSlope;
  }

  /** Any shape; the same shape. */
  forward(x: Tensor): Tensor {
    return x.leakyRelu(this.negativeSlope);
  }
}
