import { expressions } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Optimizer } from "./optimizer.ts";
import { OptionReader } from "./optionReader.ts";
import type { Hyperparameters, ParameterState, Params } from "./paramGroup.ts";
import { descent, lerp, perVariant } from "./rule.ts";
import type { BufferNames } from "./stateDict.ts";

/** Hyperparameters of {@link RMSprop}. */
export interface RMSpropHyperparameters extends Hyperparameters {
  /** Learning rate, >= 0. Default 0.01. */
  lr: number;
  /** How much of the running averages survives a step, in [0, 1]. Default 0.99. */
  alpha: number;
  /** Added to the divisor, >= 0. Default 1e-8. */
  eps: number;
  /** Coefficient of the L2 penalty, added to the gradient, >= 0. Default 0. */
  weightDecay: number;
  /** Share of the momentum buffer that survives a step, >= 0. Default 0: no momentum. */
  momentum: number;
  /** Divide by the standard deviation of the gradient instead of its root mean square. Default false. */
  centered: boolean;
  /** Climb instead of descend. Default false. */
  maximize: boolean;
}

/** Options of {@link RMSprop}: any of its hyperparameters. */
export type RMSpropOptions = Partial<RMSpropHyperparameters>;

interface Variant {
  readonly decay: boolean;
  readonly maximize: boolean;
  readonly centered: boolean;
  readonly momentum: boolean;
}

const { add, div, input, mul, scalar, sub, unary } = expressions;
const [lr, alpha, weight, eps, decay, momentum] = [scalar(0), scalar(1), scalar(2), scalar(3), scalar(4), scalar(5)];

/** Targets: parameter, average of squares, then the average (if centered) and the buffer (with momentum); input: the gradient. */
const rule = perVariant((variant: Variant) => {
  const parameter = input(0);
  const gradient = input(2 + Number(variant.centered) + Number(variant.momentum));
  const g = descent(gradient, parameter, variant.maximize, variant.decay ? decay : undefined);
  const squares = add(mul(alpha, input(1)), mul(weight, mul(g, g)));
  const average = lerp(input(2), g, weight);
  const variance = variant.centered ? sub(squares, mul(average, average)) : squares;
  const scaled = div(g, add(unary("sqrt", variance), eps));
  const buffer = add(mul(momentum, input(variant.centered ? 3 : 2)), scaled);
  return [
    sub(parameter, mul(lr, variant.momentum ? buffer : scaled)),
    squares,
    ...(variant.centered ? [average] : []),
    ...(variant.momentum ? [buffer] : []),
  ];
});

/**
 * RMSprop (Hinton's lecture 6e; centered: Graves 2013) by PyTorch's rule (`torch.optim.RMSprop`): `v = alpha·v + (1 - alpha)·g²`, divisor
 * `√v + eps`, centered `√(v - average²) + eps`; with momentum the scaled gradients are summed in a buffer.
 */
export class RMSprop extends Optimizer<RMSpropHyperparameters> {
  /** Running averages of the gradient's square and, if centered, of the gradient; the buffer where momentum is on. */
  protected override readonly buffers: BufferNames = {
    squareAvg: "always",
    gradAvg: "sometimes",
    momentumBuffer: "sometimes",
  };

  /**
   * @param params - parameters, or groups with hyperparameters of their own
   * @throws ArgumentError if a parameter is missing, repeated or not a leaf, or an option is unknown or out of range.
   */
  constructor(params: Params<RMSpropHyperparameters>, options: RMSpropOptions = {}) {
    super("RMSprop", params, {
      lr: 1e-2,
      alpha: 0.99,
      eps: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
      maximize: false,
      ...options,
    });
  }

  /** @throws ArgumentError if one is missing, unknown or out of range. */
  protected override check(values: object): RMSpropHyperparameters {
    const reader = new OptionReader(this.name, values);
    const checked: RMSpropHyperparameters = {
      lr: reader.number("lr", { least: 0 }),
      alpha: reader.number("alpha", { least: 0, most: 1 }),
      eps: reader.number("eps", { least: 0 }),
      weightDecay: reader.number("weightDecay", { least: 0 }),
      momentum: reader.number("momentum", { least: 0 }),
      centered: reader.flag("centered"),
      maximize: reader.flag("maximize"),
    };
    reader.done();
    return checked;
  }

  /** One step of the rule. */
  protected override update(
    parameter: Tensor,
    gradient: Tensor,
    state: ParameterState,
    options: RMSpropHyperparameters,
  ): void {
    const { centered, maximize } = options;
    const variant: Variant = {
      decay: options.weightDecay !== 0,
      maximize,
      centered,
      momentum: options.momentum !== 0,
    };
    const names = ["squareAvg", ...(centered ? ["gradAvg"] : []), ...(variant.momentum ? ["momentumBuffer"] : [])];
    const targets = [parameter.storage, ...names.map((name) => this.buffer(parameter, state, name))];
    const scalars = [options.lr, options.alpha, 1 - options.alpha, options.eps, options.weightDecay, options.momentum];
    parameter.device.kernels.update(rule(variant), targets, [gradient.storage], scalars);
  }
}
