import { storageScope } from "@squall/device";
import { noGrad, type Tensor } from "@squall/tensor";
import type { Names } from "../optionNames.ts";

/** Options of every constraint of norms. */
export interface NormOptions {
  /**
   * Axes that each norm is taken over. Default: all but the first, which is one norm per output of a weight `[out, in]` or `[O, I, …k]`; of a
   * vector, its only one. The weight of a transposed convolution, `[C, O, …k]`, has its outputs along axis 1: `[0, 2, 3]`.
   */
  readonly dim?: number | readonly number[];
}

/** Names of the options of every constraint of norms. */
export const normNames: Names<NormOptions> = { dim: true };

/** Overwrites a tensor with what `fn` makes of it, unseen by autograd. */
export function overwrite<T extends Tensor>(target: T, fn: (value: Tensor) => Tensor): T {
  return storageScope(
    () => noGrad(() => target.copy_(fn(target.detach()))),
    () => [],
  );
}

/** Multiplies each vector along some axes by a factor that `factor` makes of their norms, in place and unseen by autograd. */
export function scaleByNorm<T extends Tensor>(target: T, { dim }: NormOptions, factor: (norms: Tensor) => Tensor): T {
  const dims = dim ?? (target.rank < 2 ? undefined : target.shape.map((_, axis) => axis).slice(1));
  return overwrite(target, (value) => value.mul(factor(value.square().sum(dims, true).sqrt())));
}
