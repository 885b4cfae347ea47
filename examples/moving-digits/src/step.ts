// One training step, apart from the loop around it. Runs in browsers too.

import { bceWithLogits } from "@squall/nn";
import { Adam, AdamW, clipGradNorm, type Optimizer, RMSprop, SGD } from "@squall/optim";
import { type Tensor, tensor } from "@squall/tensor";
import type { FilmOptions, Films } from "./films.ts";
import type { Forecaster } from "./model.ts";
import type { Options } from "./presets.ts";

/** The settings that decide how weights change. */
export type UpdateOptions = Pick<Options, "optimizer" | "learningRate" | "clip">;

/** The update rule that the settings name. */
export function makeOptimizer(params: Tensor[], { optimizer, learningRate: lr }: UpdateOptions): Optimizer {
  switch (optimizer) {
    case "sgd":
      return new SGD(params, { lr, momentum: 0.9 });
    case "adam":
      return new Adam(params, { lr });
    case "adamw":
      return new AdamW(params, { lr });
    case "rmsprop":
      // The paper's decay rate.
      return new RMSprop(params, { lr, alpha: 0.9 });
  }
}

/** Cross-entropy of the forecasts in nats per pixel, where the model is. */
export function lossOf(model: Forecaster, films: Films, options: FilmOptions): Tensor {
  const { device } = model.head.weight;
  const { inputFrames, outputFrames, size } = options;
  const input = tensor(films.input, { shape: [films.count, inputFrames, 1, size, size], device });
  const truth = tensor(films.truth, { shape: [films.count, outputFrames, 1, size, size], device });
  return bceWithLogits(model.forward(input, outputFrames), truth);
}

/** Puts the gradients of a batch into the parameters, clipped as asked, and gives its loss; the optimizer's step is the caller's. */
export function computeGradients(
  model: Forecaster,
  films: Films,
  options: FilmOptions & Pick<UpdateOptions, "clip">,
): Tensor {
  const loss = lossOf(model, films, options);
  model.zeroGrad();
  loss.backward();
  if (options.clip > 0) clipGradNorm(model.parameters(), options.clip);
  return loss;
}
