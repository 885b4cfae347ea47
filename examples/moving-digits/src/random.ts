// Where chance comes from. Every module that draws takes a source from its caller and keeps none of its own,
// so one seeded generator handed down from the top fixes every number of a run.

/** A stream of random numbers. The tensor library's `Generator` fits it as it is. */
export interface RandomSource {
  /** The next number, uniform in [0, 1). */
  next(): number;
}

/** A number uniform in [low, high). Takes one draw. */
export function uniform(random: RandomSource, low: number, high: number): number {
  return low + (high - low) * random.next();
}

/** A whole number uniform in 0 … count − 1. Takes one draw. */
export function pick(random: RandomSource, count: number): number {
  return Math.floor(random.next() * count);
}
