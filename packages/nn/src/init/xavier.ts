import type { Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { draw, type InitOptions, initNames } from "./fill.ts";
import { fans } from "./gain.ts";

/** Options of {@link xavierUniform_} and {@link xavierNormal_}. */
export interface XavierOptions extends InitOptions {
  /** Factor on the standard deviation, see {@link calculateGain}. Default 1. */
  readonly gain?: number;
}

const names: Names<XavierOptions> = { ...initNames, gain: true };

function xavierStd(op: string, tensor: Tensor, { gain = 1 }: XavierOptions): number {
  checkNumber(op, "gain", gain);
  const { fanIn, fanOut } = fans(op, tensor);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/**
 * Uniform in ±`gain·√(6 / (fanIn + fanOut))` (Glorot and Bengio 2010). Returns the tensor.
 * @throws ShapeError if it has fewer than two axes; ArgumentError if an option is unknown or `gain` is not a finite number
 */
export function xavierUniform_<T extends Tensor>(tensor: T, options: XavierOptions = {}): T {
  checkNames("xavierUniform_", options, names);
  const bound = Math.sqrt(3) * xavierStd("xavierUniform_", tensor, options);
  return draw(tensor, options, (generator) => bound * (2 * generator.next() - 1));
}

/**
 * Normal with mean 0 and standard deviation `gain·√(2 / (fanIn + fanOut))` (Glorot and Bengio 2010). Returns the tensor.
 * @throws ShapeError if it has fewer than two axes; ArgumentError if an option is unknown or `gain` is not a finite number
 */
export function xavierNormal_<T extends Tensor>(tensor: T, options: XavierOptions = {}): T {
  checkNames("xavierNormal_", options, names);
  const std = xavierStd("xavierNormal_", tensor, options);
  return draw(tensor, options, (generator) => std * generator.normal());
}
