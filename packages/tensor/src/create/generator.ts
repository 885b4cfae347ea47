import { ArgumentError } from "@squall/device";
import { xoroshiro128plus, xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

/** A generator's place in its stream: plain numbers, fit for JSON. */
export interface GeneratorState {
  /** State of the underlying stream. */
  readonly stream: readonly number[];
  /** The second normal number of a pair, if it waits to be used. */
  readonly spareNormal: number | null;
}

let watch: Map<Generator, GeneratorState> | undefined;

/** Runs `fn` and notes, for every generator it draws from, the state before the first draw. */
export function withDrawWatch<R>(seen: Map<Generator, GeneratorState>, fn: () => R): R {
  const before = watch;
  watch = seen;
  try {
    return fn();
  } finally {
    watch = before;
    // An enclosing watch must know of these draws too.
    if (before !== undefined)
      for (const [generator, state] of seen) if (!before.has(generator)) before.set(generator, state);
  }
}

/**
 * A seeded stream of random numbers (xoroshiro128+ of pure-rand): the same seed gives the same numbers on every machine.
 */
export class Generator {
  private stream: ReturnType<typeof xoroshiro128plus>;
  private spareNormal: number | null = null;

  /**
   * @param seed - a whole number; only its lower 32 bits count
   * @throws ArgumentError if it is not a whole number.
   */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed))
      throw new ArgumentError("Generator", `the seed must be a whole number, got ${seed}`, { got: seed });
    this.stream = xoroshiro128plus(seed | 0);
    // The first numbers of neighbouring seeds are alike.
    for (let i = 0; i < 32; i++) this.stream.next();
  }

  /** Uniform in [0, 1), 53 random bits. */
  next(): number {
    if (watch !== undefined && !watch.has(this)) watch.set(this, this.getState());
    const high = this.stream.next() >>> 5;
    const low = this.stream.next() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Normal with mean 0 and standard deviation 1, by Box and Muller's polar-free transform. */
  normal(): number {
    if (this.spareNormal !== null) {
      if (watch !== undefined && !watch.has(this)) watch.set(this, this.getState());
      const spare = this.spareNormal;
      this.spareNormal = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const angle = 2 * Math.PI * this.next();
    this.spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Uniform whole number from `low` (included) to `high` (excluded). */
  integer(low: number, high: number): number {
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || high <= low) {
      throw new ArgumentError("Generator.integer", `needs whole numbers low < high, got low = ${low}, high = ${high}`, {
        got: [low, high],
      });
    }
    return low + Math.floor(this.next() * (high - low));
  }

  /** The place in the stream, for a checkpoint. */
  getState(): GeneratorState {
    return { stream: [...this.stream.getState()], spareNormal: this.spareNormal };
  }

  /** Goes back to a place in the stream. @throws ArgumentError if it is not one. */
  setState(state: GeneratorState): void {
    const { stream, spareNormal } = state;
    // Four zeros are no place in the stream: nothing but zeros would follow.
    const isPlace =
      Array.isArray(stream) && stream.length === 4 && stream.every(Number.isInteger) && stream.some((n) => n !== 0);
    if (!isPlace || !(spareNormal === null || Number.isFinite(spareNormal))) {
      throw new ArgumentError("Generator.setState", "this is not a generator state; give one that getState returned", {
        got: state,
      });
    }
    this.stream = xoroshiro128plusFromState([...stream]);
    this.spareNormal = spareNormal;
  }
}

let global = new Generator(0);

/** The generator that is used where none is given. Seed 0 at start: runs repeat unless told otherwise. */
export function defaultGenerator(): Generator {
  return global;
}

/** Starts the default generator anew. @throws ArgumentError if `seed` is not a whole number. */
export function manualSeed(seed: number): Generator {
  global = new Generator(seed);
  return global;
}
