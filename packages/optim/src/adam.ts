import type { Tensor } from "@squall/tensor";
import { type AdamHyperparameters, type AdamOptions, adamBuffers, adamStep, readAdam } from "./adamRule.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterState, Params } from "./paramGroup.ts";
import type { BufferNames } from "./stateDict.ts";

/**
 * Adam (Kingma and Ba 2015), with AMSGrad (Reddi et al. 2018) as an option, by PyTorch's rule (`torch.optim.Adam`): weight decay is an L2
 * penalty, added to the gradient.
 */
export class Adam extends Optimizer<AdamHyperparameters> {
  /** Running averages of the gradient and its square, and with amsgrad the largest of the latter. */
  protected override readonly buffers: BufferNames = adamBuffers;

  /**
   * @param params - parameters, or groups with hyperparameters of their own
   * @throws ArgumentError if a parameter is missing, repeated or not a leaf, or an option is unknown or out of range.
   */
  constructor(params: Params<AdamHyperparameters>, options: AdamOptions = {}) {
    super("Adam", params, {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
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
    adamStep("gradient", [parameter.storage, ...buffers], gradient.storage, state.step, options);
  }
}
