import { allocate, storageScope } from "@squall/device";
import { defaultGenerator, type Generator, noGrad, type Tensor, tensor } from "@squall/tensor";
import type { Names } from "../optionNames.ts";

/** Options of every initializer that draws random numbers. */
export interface InitOptions {
  /** Where the numbers come from. Default: the default generator, see `manualSeed`. */
  readonly generator?: Generator | undefined;
}

/** Names of the options that every initializer which draws takes. */
export const initNames: Names<InitOptions> = { generator: true };

/** Overwrites a tensor with host values, unseen by autograd. */
export function write<T extends Tensor>(target: T, values: ArrayLike<number>): T {
  const data = allocate(target.dtype, target.size);
  data.set(values);
  const { dtype, device, shape } = target;
  return storageScope(
    () => noGrad(() => target.copy_(tensor(data, { dtype, device, shape }))),
    () => [],
  );
}

/** Overwrites a tensor with one drawn value after the other. */
export function draw<T extends Tensor>(target: T, options: InitOptions, next: (generator: Generator) => number): T {
  const generator = options.generator ?? defaultGenerator();
  return write(
    target,
    Float64Array.from({ length: target.size }, () => next(generator)),
  );
}
