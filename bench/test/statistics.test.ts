import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FULL, median, planFor, QUICK, schedule } from "../src/statistics.ts";

describe("median", () => {
  test("takes the middle, or the mean of the two in the middle, in any order", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow("no median of no numbers");
  });
});

describe("planFor", () => {
  test("measures what is slow once, what is fast often, and what is very fast several times in a row", () => {
    expect(planFor(60_000, FULL)).toEqual({ rounds: 1, repeat: 1 });
    expect(planFor(3500, FULL)).toEqual({ rounds: 3, repeat: 1 });
    expect(planFor(150, FULL)).toEqual({ rounds: 21, repeat: 1 });
    expect(planFor(10, FULL)).toEqual({ rounds: 21, repeat: 5 });
    expect(planFor(0.01, QUICK)).toEqual({ rounds: 5, repeat: 10 });
  });
});

describe("schedule", () => {
  test("gives everybody their rounds, each at most one turn per round, spread over all rounds", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }), (rounds) => {
        const turns = schedule(rounds);
        expect(turns).toHaveLength(Math.max(...rounds));
        for (const turn of turns) expect(turn).toEqual([...new Set(turn)].sort((a, b) => a - b));
        for (const [entrant, own] of rounds.entries()) {
          const taken = turns.flatMap((turn, round) => (turn.includes(entrant) ? [round] : []));
          expect(taken).toHaveLength(own);
          const gaps = taken.slice(1).map((round, k) => round - taken[k]);
          for (const gap of gaps) expect(gap).toBeLessThanOrEqual(Math.ceil(turns.length / own));
        }
      }),
    );
  });

  test("alternates where everybody has the same number of rounds", () => {
    expect(schedule([2, 2])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(schedule([])).toEqual([]);
  });
});
