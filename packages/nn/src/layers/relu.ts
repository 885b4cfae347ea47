import type { Tensor } from "@squall/tensor";
import { Module } from "../module/module.ts";

/** `max(x, 0)`, elementwise; gradient 0 at 0. */
export class ReLU extends Module {
  /** Any shape; the same shape. */
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}
