import type { Tensor } from "@squall/tensor";
import { checkChoice } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { draw, type InitOptions, initNames } from "./fill.ts";
import { fans, gainOf, type Nonlinearity } from "./gain.ts";

/** Options of {@link kaimingUniform_} and {@link kaimingNormal_}. */
export interface KaimingOptions extends InitOptions {
  /** Slope of the leaky relu that follows, below 0; others ignore it. Default 0. */
  readonly a?: number;
  /** Keep the size of signals (`"fanIn"`, default) or of gradients (`"fanOut"`). */
  readonly mode?: "fanIn" | "fanOut";
  /** What follows. Default `"leakyRelu"`, which with `a = 0` is relu. */
  readonly nonlinearity?: Nonlinearity;
}

const names: Names<KaimingOptions> = { ...initNames, a: true, mode: true, nonlinearity: true };

function kaimingStd(op: string, tensor: Tensor, options: KaimingOptions): number {
  const { a = 0, mode = "fanIn", nonlinearity = "leakyRelu" } = options;
  checkChoice(op, "mode", mode, ["fanIn", "fanOut"]);
  return gainOf(op, nonlinearity, "a", a) / Math.sqrt(fans(op, tensor)[mode]);
}

/**
 * Uniform in ±`gain·√(3 / fan)` (He et al. 2015). Returns the tensor.
 * @throws ShapeError if it has fewer than two axes; ArgumentError if an option is unknown, there is no such mode or nonlinearity or `a` is not a
 * finite number
 */
export function kaimingUniform_<T extends Tensor>(tensor: T, options: KaimingOptions = {}): T {
  checkNames("kaimingUniform_", options, names);
  const bound = Math.sqrt(3) * kaimingStd("kaimingUniform_", tensor, options);
  return draw(tensor, options, (generator) => bound * (2 * generator.next() - 1));
}

/**
 * Normal with mean 0 and standard deviation `gain / √fan` (He et al. 2015). Returns the tensor.
 * @throws ShapeError if it has fewer than two axes; ArgumentError if an option is unknown, there is no such mode or nonlinearity or `a` is not a
 * finite number
 */
export function kaimingNormal_<T extends Tensor>(tensor: T, options: KaimingOptions = {}): T {
  checkNames("kaimingNormal_", options, names);
  const std = kaimingStd("kaimingNormal_", tensor, options);
  return draw(tensor, options, (generator) => std * generator.normal());
}
