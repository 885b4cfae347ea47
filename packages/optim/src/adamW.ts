import type { Tensor } from "@squall/tensor";
import { type AdamHyperparameters, type AdamOptions, adamBuffers, adamStep, readAdam } from "./adamRule.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterState, Params } from "./paramGroup.ts";
import type { BufferNames } from "./stateDict.ts";

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019) by PyTorch's rule (`torch.optim.AdamW`): first `θ *= 1 - lr·weightDecay`, then
 * Adam's step.
 */
export class AdamW extends Optimizer<AdamHyperparameters> {
  /** Running averages of the gradient and its square, and with amsgrad the largest of the latter. */
  protected override readonly buffers: BufferNames = adamBuffers;

  /**
   * @param params - parameters, or groups with hyperparameters of their own
   * @throws ArgumentError if a parameter is missing, repeated or not a leaf, or an option is unknown or out of range.
   */
  constructor(params: Params<AdamHyperparameters>, options: AdamOptions = {}) {
    super("AdamW", params, {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.01,
      amsgrad: false,
      maximize: false,
      ...options,
    });
  }

  /** @throws ArgumentError if one is missing, unknown or out of range. */
  protected override check(values: object): AdamHyperparameters {
    return readAdam(this.name, values);
  }

  /** One step of the rule. */
  protected override update(
    parameter: Tensor,
    gradient: Tensor,
    state: ParameterState,
    options: AdamHyperparameters,
  ): void {
    const names = options.amsgrad ? ["expAvg", "expAvgSq", "maxExpAvgSq"] : ["expAvg", "expAvgSq"];
    const buffers = names.map((name) => this.buffer(parameter, state, name));
    adamStep("parameter", [parameter.storage, ...buffers], gradient.storage, state.step, options);
  }
}
