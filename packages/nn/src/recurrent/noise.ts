/*
 * What is random in training: masks that hold for a whole sequence (dropout), and those of single steps (zoneout).
 */
import type { Shape } from "@squall/device";
import { defaultGenerator, Generator, rand, scope, type Tensor, where } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";

/** What is random in one sequence. Masks are 0 or 1/(1 - p), one for all gates or one for each; absent where nothing is dropped. */
export interface SequenceMasks {
  /** On the input, `[N, C, …]`. */
  readonly input: readonly Tensor[] | undefined;
  /** On the hidden state, `[N, H, …]`. */
  readonly state: readonly Tensor[] | undefined;
  /** Where the masks of single steps come from; a stream of the sequence's own, so that other layers' draws do not matter. */
  readonly steps: Generator | undefined;
}

/** Nothing is dropped. */
export const noMasks: SequenceMasks = { input: undefined, state: undefined, steps: undefined };

/** A stream of random numbers of its own, started from another. */
export function streamOf(generator: Generator | undefined): Generator {
  return new Generator((generator ?? defaultGenerator()).integer(0, 2 ** 32));
}

/** @throws ArgumentError unless `value` is a probability below 1 */
export function checkRate(op: string, name: string, value: number): void {
  checkNumber(op, name, value, "a number in [0, 1)", (n) => n >= 0 && n < 1);
}

/** Dropout masks: elements are 0 with probability `p`, else `1 / (1 - p)`. @param like - gives dtype and device */
export function dropoutMasks(
  count: number,
  p: number,
  shape: Shape,
  like: Tensor,
  generator: Generator | undefined,
): Tensor[] {
  const { dtype, device } = like;
  return Array.from({ length: count }, () =>
    scope(() =>
      rand(shape, { dtype, device, ...(generator && { generator }) })
        .ge(p)
        .mul(1 / (1 - p)),
    ),
  );
}

/**
 * Keeps old values with probability `p`, each element by itself: `m∘before + (1 - m)∘after`; without a generator what that is on average,
 * `p·before + (1 - p)·after`.
 */
export function zoneout(before: Tensor, after: Tensor, p: number, generator: Generator | undefined): Tensor {
  if (p === 0) return after;
  if (generator === undefined) return after.add(before.sub(after).mul(p));
  const { dtype, device } = after;
  const isOld = rand(after.shape, { dtype, device, generator }).lt(p);
  return where(isOld, before, after);
}
