import { ArgumentError, expressions } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { Optimizer } from "./optimizer.ts";
import { OptionReader } from "./optionReader.ts";
import type { Hyperparameters, ParameterState, Params } from "./paramGroup.ts";
import { descent, perVariant } from "./rule.ts";
import type { BufferNames } from "./stateDict.ts";

/** Hyperparameters of {@link SGD}. */
export interface SGDHyperparameters extends Hyperparameters {
  /** Learning rate, >= 0. Default 0.001. */
  lr: number;
  /** Share of the momentum buffer that survives a step, >= 0. Default 0: no momentum. */
  momentum: number;
  /** Share of the gradient kept out of the momentum buffer, >= 0. Not applied in a parameter's first step. Default 0. */
  dampening: number;
  /** Coefficient of the L2 penalty, added to the gradient, >= 0. Default 0. */
  weightDecay: number;
  /** Nesterov momentum; needs `momentum` > 0 and no `dampening`. Default false. */
  nesterov: boolean;
  /** Climb instead of descend. Default false. */
  maximize: boolean;
}

/** Options of {@link SGD}: any of its hyperparameters. */
export type SGDOptions = Partial<SGDHyperparameters>;

interface Variant {
  readonly decay: boolean;
  readonly maximize: boolean;
  readonly nesterov: boolean;
  readonly momentum: "none" | "first" | "running";
}

const { add, input, mul, scalar, sub } = expressions;
const [lr, decay, momentum, share] = [scalar(0), scalar(1), scalar(2), scalar(3)];

/** Targets: the parameter and, with momentum, its buffer; input: the gradient. */
const rule = perVariant((variant: Variant) => {
  const parameter = input(0);
  const gradient = input(variant.momentum === "none" ? 1 : 2);
  const g = descent(gradient, parameter, variant.maximize, variant.decay ? decay : undefined);
  if (variant.momentum === "none") return [sub(parameter, mul(lr, g))];
  const buffer = variant.momentum === "first" ? g : add(mul(momentum, input(1)), mul(share, g));
  const direction = variant.nesterov ? add(g, mul(momentum, buffer)) : buffer;
  return [sub(parameter, mul(lr, direction)), buffer];
});

/**
 * Stochastic gradient descent, optionally with momentum, by PyTorch's rule (`torch.optim.SGD`): `g += weightDecay·θ`;
 * `buf = momentum·buf + (1 - dampening)·g`, in the first step `buf = g`; with Nesterov momentum `g += momentum·buf`, else `g = buf`;
 * `θ -= lr·g`.
 */
export class SGD extends Optimizer<SGDHyperparameters> {
  /** `momentumBuffer`, where momentum is on. */
  protected override readonly buffers: BufferNames = { momentumBuffer: "sometimes" };

  /**
   * @param params - parameters, or groups with hyperparameters of their own
   * @throws ArgumentError if a parameter is missing, repeated or not a leaf, or an option is unknown or out of range.
   */
  constructor(params: Params<SGDHyperparameters>, options: SGDOptions = {}) {
    super("SGD", params, {
      lr: 1e-3,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      maximize: false,
      ...options,
    });
  }

  /** @throws ArgumentError if one is missing, unknown or out of range. */
  protected override check(values: object): SGDHyperparameters {
    const reader = new OptionReader(this.name, values);
    const checked: SGDHyperparameters = {
      lr: reader.number("lr", { least: 0 }),
      momentum: reader.number("momentum", { least: 0 }),
      dampening: reader.number("dampening", { least: 0 }),
      weightDecay: reader.number("weightDecay", { least: 0 }),
      nesterov: reader.flag("nesterov"),
      maximize: reader.flag("maximize"),
    };
    reader.done();
    if (checked.nesterov && (checked.momentum === 0 || checked.dampening !== 0)) {
      throw new ArgumentError(
        this.name,
        `nesterov needs momentum > 0 and dampening 0, got momentum ${checked.momentum} and dampening ${checked.dampening}; set momentum: 0.9, dampening: 0 or nesterov: false`,
        { got: [checked.momentum, checked.dampening] },
      );
    }
    return checked;
  }

  /** One step of the rule. */
  protected override update(
    parameter: Tensor,
    gradient: Tensor,
    state: ParameterState,
    options: SGDHyperparameters,
  ): void {
    const first = !state.buffers.has("momentumBuffer");
    const variant: Variant = {
      decay: options.weightDecay !== 0,
      maximize: options.maximize,
      nesterov: options.nesterov,
      momentum: options.momentum === 0 ? "none" : first ? "first" : "running",
    };
    const targets = [parameter.storage];
    if (options.momentum !== 0) targets.push(this.buffer(parameter, state, "momentumBuffer"));
    const scalars = [options.lr, options.weightDecay, options.momentum, 1 - options.dampening];
    parameter.device.kernels.update(rule(variant), targets, [gradient.storage], scalars);
  }
}
