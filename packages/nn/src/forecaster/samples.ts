import { type Generator, type Tensor, tensor, where } from "@squall/tensor";

/** For each sample of a batch, whether something that has a probability happens. */
export function drawSamples(batch: number, p: number, generator: Generator): boolean[] {
  return Array.from({ length: batch }, () => generator.next() < p);
}

/**
 * One tensor `[N, …]` for the samples that are chosen, the other for the rest, whose numbers do not matter, not even NaN.
 * @param otherwise - computed only if there is a rest
 */
export function chooseSamples(chosen: readonly boolean[], whenChosen: Tensor, otherwise: () => Tensor): Tensor {
  if (chosen.every((each) => each)) return whenChosen;
  if (!chosen.some((each) => each)) return otherwise();
  const { dtype, device, rank } = whenChosen;
  const shape = [chosen.length, ...Array.from({ length: rank - 1 }, () => 1)];
  const column = tensor(
    chosen.map((each) => (each ? 1 : 0)),
    { dtype, device, shape },
  );
  return where(column, whenChosen, otherwise());
}
