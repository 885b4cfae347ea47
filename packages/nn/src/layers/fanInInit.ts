import type { Shape } from "@squall/device";
import { type Tensor, zeros } from "@squall/tensor";
import { fans } from "../init/gain.ts";
import { kaimingUniform_ } from "../init/kaiming.ts";
import { uniform_ } from "../init/random.ts";
import { creation, type ModuleOptions } from "../module/options.ts";
import { Parameter } from "../module/parameter.ts";

/** Weight and bias of a layer. */
export interface Weights {
  /** The weight. */
  readonly weight: Parameter;
  /** The bias, if there is one. */
  readonly bias: Parameter | undefined;
}

/** PyTorch's default for linear and convolutional layers: both uniform in ±1/√fanIn. A `biasSize` of `undefined` means no bias. */
export function fanInInit(
  op: string,
  weightShape: Shape,
  biasSize: number | undefined,
  options: ModuleOptions,
): Weights {
  const { generator } = options;
  const make = (shape: Shape): Tensor => zeros(shape, creation(options));
  const weight = kaimingUniform_(make(weightShape), { a: Math.sqrt(5), generator });
  const bound = 1 / Math.sqrt(fans(op, weight).fanIn);
  return {
    weight: new Parameter(weight),
    bias:
      biasSize === undefined
        ? undefined
        : new Parameter(uniform_(make([biasSize]), { a: -bound, b: bound, generator })),
  };
}
