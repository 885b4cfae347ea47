import type { Generator, Tensor } from "@squall/tensor";
import { chosen } from "../recurrent/maskedSequence.ts";

/** For each sample of a batch, whether something that has a probability happens. */
export function drawSamples(batch: number, p: number, generator: Generator): boolean[] {
  return Array.from({ length: batch }, () => generator.next() < p);
}

/**
 * One tensor `[N, …]` for the samples that are chosen, the other for the rest, whose numbers do not matter, not even NaN.
 * @param otherwise - computed only if there is a rest
 */
export function chooseSamples(mask: readonly boolean[], whenChosen: Tensor, otherwise: () => Tensor): Tensor {
  if (mask.every((each) => each)) return whenChosen;
  if (!mask.some((each) => each)) return otherwise();
  return chosen(mask, whenChosen, otherwise());
}
