import { expressions, type Storage } from "@squall/device";
import { OptionReader } from "./optionReader.ts";
import type { Hyperparameters } from "./paramGroup.ts";
import { descent, lerp, perVariant } from "./rule.ts";
import type { BufferNames } from "./stateDict.ts";

/** Hyperparameters of {@link Adam} and {@link AdamW}. */
export interface AdamHyperparameters extends Hyperparameters {
  /** Learning rate, >= 0. Default 0.001. */
  lr: number;
  /** How much of the running averages of the gradient and of its square survives a step, each in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the divisor, >= 0. Default 1e-8. */
  eps: number;
  /** Weight decay, >= 0: added to the gradient by Adam (default 0), applied to the parameter itself by AdamW (default 0.01). */
  weightDecay: number;
  /** Divide by the largest average of squares so far. Default false. */
  amsgrad: boolean;
  /** Climb instead of descend. Default false. */
  maximize: boolean;
}

/** Options of {@link Adam} and {@link AdamW}: any of their hyperparameters. */
export type AdamOptions = Partial<AdamHyperparameters>;

/** Where weight decay goes: nowhere, into the gradient (Adam) or onto the parameter (AdamW). */
export type Decay = "none" | "gradient" | "parameter";

/** Buffers of both optimizers. */
export const adamBuffers: BufferNames = { expAvg: "always", expAvgSq: "always", maxExpAvgSq: "sometimes" };

/** Reads the hyperparameters of both. @throws ArgumentError */
export function readAdam(op: string, values: object): AdamHyperparameters {
  const reader = new OptionReader(op, values);
  const checked: AdamHyperparameters = {
    lr: reader.number("lr", { least: 0 }),
    betas: reader.pair("betas", { least: 0, below: 1 }),
    eps: reader.number("eps", { least: 0 }),
    weightDecay: reader.number("weightDecay", { least: 0 }),
    amsgrad: reader.flag("amsgrad"),
    maximize: reader.flag("maximize"),
  };
  reader.done();
  return checked;
}

interface Variant {
  readonly decay: Decay;
  readonly maximize: boolean;
  readonly amsgrad: boolean;
}

const { add, binary, div, input, mul, scalar, sub, unary } = expressions;
const [weight1, beta2, weight2, rootCorrection2] = [scalar(0), scalar(1), scalar(2), scalar(3)];
const [eps, stepSize, weightDecay, kept] = [scalar(4), scalar(5), scalar(6), scalar(7)];

/** Targets: parameter, both averages and, with amsgrad, the largest second one; input: the gradient. */
const rule = perVariant((variant: Variant) => {
  const [parameter, average, squares] = [input(0), input(1), input(2)];
  const gradient = input(variant.amsgrad ? 4 : 3);
  const g = descent(gradient, parameter, variant.maximize, variant.decay === "gradient" ? weightDecay : undefined);
  const nextAverage = lerp(average, g, weight1);
  const nextSquares = add(mul(beta2, squares), mul(weight2, mul(g, g)));
  const largest = binary("max", input(3), nextSquares);
  const divisor = add(div(unary("sqrt", variant.amsgrad ? largest : nextSquares), rootCorrection2), eps);
  const decayed = variant.decay === "parameter" ? mul(parameter, kept) : parameter;
  const next = sub(decayed, mul(stepSize, div(nextAverage, divisor)));
  return variant.amsgrad ? [next, nextAverage, nextSquares, largest] : [next, nextAverage, nextSquares];
});

/**
 * One step for one parameter, in PyTorch's order: `θ -= (lr / (1 - β₁ᵗ))·m / (√v / √(1 - β₂ᵗ) + eps)`.
 * @param targets - parameter, expAvg, expAvgSq and, with amsgrad, maxExpAvgSq
 * @param step - number of this step, from 1
 */
export function adamStep(
  decay: Decay,
  targets: readonly [Storage, ...Storage[]],
  gradient: Storage,
  step: number,
  options: AdamHyperparameters,
): void {
  const {
    lr: rate,
    betas: [beta1, second],
    weightDecay: coefficient,
    amsgrad,
    maximize,
  } = options;
  const scalars = [
    1 - beta1,
    second,
    1 - second,
    Math.sqrt(1 - second ** step),
    options.eps,
    rate / (1 - beta1 ** step),
    coefficient,
    1 - rate * coefficient,
  ];
  const variant: Variant = { decay: coefficient === 0 ? "none" : decay, maximize, amsgrad };
  targets[0].device.kernels.update(rule(variant), targets, [gradient], scalars);
}
