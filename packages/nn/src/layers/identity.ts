import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";

/** Does nothing; a placeholder for a layer. */
export class Identity extends Module {
  /** `x` itself. */
  forward(x: Tensor): Tensor {
    return x;
  }
}
