// A seeded random source for tests, standing in for the tensor library's Generator.

import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomSource } from "../src/random.ts";

/** Numbers in [0, 1) that are the same for the same seed. */
export function seeded(seed: number): RandomSource {
  const generator = xoroshiro128plus(seed);
  return { next: () => (generator.next() >>> 0) / 2 ** 32 };
}
