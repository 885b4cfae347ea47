import { ArgumentError, broadcastShapes, formatShape, ShapeError, sameShape } from "@squall/device";
import { Tensor } from "@squall/tensor";
import { checkChoice } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** What becomes of the losses of single elements: their mean, their sum, or nothing. */
export type LossReduction = "mean" | "sum" | "none";

/** Options of every loss. */
export interface LossOptions {
  /**
   * `"mean"` (default): the mean over all elements, a number. `"sum"`: the sum, a number; it grows with the number of elements, and so do
   * its gradients. `"none"`: the losses of all elements, in the shape of the input.
   */
  readonly reduction?: LossReduction;
}

/** Names of the options of every loss. */
export const lossNames: Names<LossOptions> = { reduction: true };

/**
 * The reduction of a loss's options.
 * @param names - names of all its options, if there are others than `reduction`
 * @throws ArgumentError if an option has another name, or the reduction is none
 */
export function checkReduction(
  op: string,
  options: LossOptions,
  names: Readonly<Record<string, true>> = lossNames,
): LossReduction {
  checkNames(op, options, names);
  const { reduction = "mean" } = options;
  checkChoice(op, "reduction", reduction, ["mean", "sum", "none"]);
  return reduction;
}

/** @throws ArgumentError unless the value is a tensor */
export function checkTensor(op: string, name: string, value: Tensor): void {
  if (value instanceof Tensor) return;
  throw new ArgumentError(op, `the ${name} must be a tensor, got ${value === null ? "null" : typeof value}`, {
    got: value,
  });
}

/** @throws ArgumentError unless both are tensors; ShapeError unless they have one shape */
export function checkPair(op: string, input: Tensor, target: Tensor, name = "input"): void {
  checkTensor(op, name, input);
  checkTensor(op, "target", target);
  if (sameShape(input.shape, target.shape)) return;
  throw new ShapeError(
    op,
    `${name} and target must have the same shape, got ${name} ${formatShape(input.shape)} and target ${formatShape(target.shape)}; reshape or expand one`,
    { expected: input.shape, got: target.shape },
  );
}

/** @throws ShapeError unless `value` broadcasts to the shape of the input */
export function checkBroadcast(op: string, name: string, value: Tensor, input: Tensor): void {
  if (sameShape(broadcastShapes(op, [input.shape, value.shape]), input.shape)) return;
  throw new ShapeError(
    op,
    `${name} ${formatShape(value.shape)} does not broadcast to the input ${formatShape(input.shape)}`,
    { expected: input.shape, got: value.shape },
  );
}

/** Reduces losses of elements as asked. */
export function reduceLoss(losses: Tensor, reduction: LossReduction): Tensor {
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.mean();
}
