import { ArgumentError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link Flatten}. */
export interface FlattenOptions {
  /** First axis to join. Default 1: samples stay apart. */
  readonly startDim?: number;
  /** Last axis to join; negative numbers count from the end. Default -1. */
  readonly endDim?: number;
}

const names: Names<FlattenOptions> = { startDim: true, endDim: true };

/** Joins axes into one. Shares memory with its input. */
export class Flatten extends Module {
  /** First axis to join. */
  readonly startDim: number;
  /** Last axis to join. */
  readonly endDim: number;

  /** @throws ArgumentError if an option is unknown or an axis is not a whole number */
  constructor(options: FlattenOptions = {}) {
    super();
    checkNames("Flatten", options, names);
    const { startDim = 1, endDim = -1 } = options;
    for (const [name, dim] of Object.entries({ startDim, endDim })) {
      if (!Number.isSafeInteger(dim)) {
        throw new ArgumentError("Flatten", `${name} must be a whole number, got ${String(dim)}`, { got: dim });
      }
    }
    this.startDim = startDim;
    this.endDim = endDim;
  }

  /** `[N, a, b, …]` to `[N, a·b·…]` by default. @throws ShapeError if an axis does not exist */
  forward(x: Tensor): Tensor {
    return x.flatten(this.startDim, this.endDim);
  }
}
