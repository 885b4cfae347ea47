import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";

/** `1 / (1 + e⁻ˣ)`, elementwise. */
export class Sigmoid extends Module {
  /** Any shape; the same shape. */
  forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}
