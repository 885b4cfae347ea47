import { ArgumentError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link Softmax}. */
export interface SoftmaxOptions {
  /** Axis along which the results sum to 1; negative numbers count from the end. */
  readonly dim: number;
}

const names: Names<SoftmaxOptions> = { dim: true };

/** `eˣ / sum(eˣ)` along one axis, without overflow. */
export class Softmax extends Module {
  /** Axis along which the results sum to 1. */
  readonly dim: number;

  /** @throws ArgumentError if an option is unknown or `dim` is not a whole number */
  constructor(options: SoftmaxOptions) {
    super();
    checkNames("Softmax", options, names);
    if (!Number.isSafeInteger(options.dim)) {
      throw new ArgumentError("Softmax", `dim must be a whole number, got ${String(options.dim)}`, {
        got: options.dim,
      });
    }
    this.dim = options.dim;
  }

  /** Any shape that has the axis; the same shape. @throws ShapeError if there is no such axis */
  forward(x: Tensor): Tensor {
    return x.softmax(this.dim);
  }
}
