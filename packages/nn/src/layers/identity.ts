import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";

/** Gives its input back: for where a layer is a matter of choice. */
export class Identity extends Module {
  /** `x` itself. */
  forward(x: Tensor): Tensor {
    return x;
  }
}
