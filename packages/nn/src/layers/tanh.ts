import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";

/** Hyperbolic tangent, elementwise. */
export class Tanh extends Module {
  /** Any shape; the same shape. */
  forward(x: Tensor): Tensor {
    return x.tanh();
  }
}
