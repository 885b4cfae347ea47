import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";

/** `x · sigmoid(x)`, elementwise (swish). */
export class SiLU extends Module {
  /** Any shape; the same shape. */
  forward(x: Tensor): Tensor {
    return x.silu();
  }
}
