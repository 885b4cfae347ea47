import { type ElementwiseFunction, sameShape } from "@squall/device";
import { applyElementwise, type Tensor } from "@squall/tensor";
import { elementLoss } from "./elementLoss.ts";
import { checkBroadcast, checkPair, checkReduction, checkTensor, type LossOptions, reduceLoss } from "./reduction.ts";

/** The reduced loss by a function of input, target and weights, which may broadcast. */
export function weightedLoss(
  fn: ElementwiseFunction,
  [input, target, weights]: readonly [input: Tensor, target: Tensor, weights: Tensor],
  options: LossOptions,
): Tensor {
  const reduction = checkReduction(fn.name, options);
  checkPair(fn.name, input, target);
  checkTensor(fn.name, "weights", weights);
  checkBroadcast(fn.name, "weights", weights, input);
  return sameShape(weights.shape, input.shape)
    ? elementLoss(fn, [input, target, weights], reduction)
    : reduceLoss(applyElementwise(fn, [input, target, weights]), reduction);
}
