// Times to numbers, and how often to measure.

/** The middle of some numbers, or the mean of the two in the middle. @throws Error if there are none */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("there is no median of no numbers");
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** How much time goes into a measurement. */
export interface Effort {
  /** Milliseconds that one entrant may take for its rounds. */
  readonly budget: number;
  /** Rounds at most. */
  readonly most: number;
  /** Milliseconds of runs before the first that counts. */
  readonly warmUp: number;
}

/** The usual effort. */
export const FULL: Effort = { budget: 6000, most: 21, warmUp: 800 };

/** A first impression. */
export const QUICK: Effort = { budget: 1000, most: 5, warmUp: 200 };

/** How often one entrant is measured. */
export interface Plan {
  /** Rounds that it takes part in. */
  readonly rounds: number;
  /** Runs in each of them, so that short ones are not lost in the noise of waking up. */
  readonly repeat: number;
}

/** How often to measure something that takes `estimate` milliseconds: what is very slow, once. */
export function planFor(estimate: number, { budget, most }: Effort): Plan {
  const least = estimate > budget ? 1 : 3;
  const rounds = Math.min(most, Math.max(least, Math.floor(budget / estimate)));
  return { rounds, repeat: Math.min(10, Math.max(1, Math.floor(50 / estimate))) };
}

/**
 * Who takes part in which round: everybody in turn, those with fewer rounds spread over the whole time, so that a machine that
 * grows slower or faster does so for all.
 * @param rounds - rounds of each entrant
 * @returns per round the numbers of those who take part, ascending
 */
export function schedule(rounds: readonly number[]): number[][] {
  const all = Math.max(0, ...rounds);
  return Array.from({ length: all }, (_, round) =>
    rounds.flatMap((own, entrant) =>
      Math.floor(((round + 1) * own) / all) > Math.floor((round * own) / all) ? [entrant] : [],
    ),
  );
}
