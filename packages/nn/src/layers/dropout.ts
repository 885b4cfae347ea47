import { type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import { applyElementwise, type Generator, rand, type Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";

const isKept = e.binary("ge", e.input(1), e.scalar(0));

/** `x·s₁` where the draw is at least `s₀`, else 0. */
const drop: ElementwiseFunction = elementwise({
  name: "dropout",
  arity: 2,
  value: e.select(isKept, e.mul(e.input(0), e.scalar(1)), 0),
  gradient: (g) => [e.select(isKept, e.mul(g, e.scalar(1)), 0), undefined],
});

/** Options of {@link Dropout}. */
export interface DropoutOptions {
  /** Probability that an element is set to 0, 0 to 1. Default 0.5. */
  readonly p?: number;
  /** Where the choice comes from. Default: the default generator, see `manualSeed`. */
  readonly generator?: Generator | undefined;
}

const names: Names<DropoutOptions> = { p: true, generator: true };

/**
 * In training, sets elements to 0 with probability `p` and multiplies the others by `1 / (1 - p)`, so that the mean stays (Hinton et al.
 * 2012); in evaluation, does nothing. Each element is chosen by itself.
 */
export class Dropout extends Module {
  /** Probability that an element is set to 0. */
  readonly p: number;
  /** Where the choice comes from; `undefined` for the default generator. */
  readonly generator: Generator | undefined;

  /** @throws ArgumentError if an option is unknown or `p` is outside [0, 1] */
  constructor(options: DropoutOptions = {}) {
    super();
    checkNames("Dropout", options, names);
    const { p = 0.5, generator } = options;
    checkNumber("Dropout", "p", p, "a number in [0, 1]", (n) => n >= 0 && n <= 1);
    this.p = p;
    this.generator = generator;
  }

  /** Any shape; the same shape, or `x` itself in evaluation. */
  forward(x: Tensor): Tensor {
    const { p, generator } = this;
    if (!this.training || p === 0) return x;
    const draws = rand(x.shape, { dtype: x.dtype, device: x.device, ...(generator && { generator }) });
    return applyElementwise(drop, [x, draws], [p, p === 1 ? 0 : 1 / (1 - p)]);
  }
}
