import fc from "fast-check";
import { expect } from "vitest";
import { type LRScheduler, type Optimizer, SGD } from "../src/index.ts";
import { expectClose, parameter } from "./samples.ts";

/** SGD with two groups, of rates 0.1 and 0.05. */
export function twoGroups(): Optimizer {
  return new SGD([{ params: [parameter([0])] }, { params: [parameter([0])], lr: 0.05 }], { lr: 0.1, momentum: 0.5 });
}

/** The rates of {@link twoGroups} at the start and after each step must be these. */
export function expectRates(
  make: (optimizer: Optimizer) => LRScheduler,
  first: readonly number[],
  second: readonly number[],
): void {
  const optimizer = twoGroups();
  const scheduler = make(optimizer);
  for (const [epoch, lr] of first.entries()) {
    expect(scheduler.lastEpoch).toBe(epoch);
    expectClose(scheduler.lastLr, [lr, second[epoch]]);
    expect(optimizer.paramGroups.map((group) => group.lr)).toEqual(scheduler.lastLr);
    scheduler.step();
  }
}

/** Each rate must follow from the one before it by `next`. */
export function expectFormula<O>(
  make: (optimizer: Optimizer, options: O) => LRScheduler,
  options: fc.Arbitrary<O>,
  next: (lr: number, epoch: number, options: O, base: number) => number,
): void {
  fc.assert(
    fc.property(options, fc.integer({ min: 1, max: 50 }), (chosen, steps) => {
      const scheduler = make(twoGroups(), chosen);
      let want = [0.1, 0.05];
      for (let epoch = 1; epoch <= steps; epoch++) {
        scheduler.step();
        want = want.map((lr, g) => next(lr, epoch, chosen, [0.1, 0.05][g]));
        // Rates start below 1, so this is an absolute bound, which the recursions need near 0.
        expectClose(scheduler.lastLr, want, 1e-9);
      }
    }),
    { numRuns: 60 },
  );
}

/** A schedule that is saved and loaded into a fresh one goes on exactly as one that was never stopped. */
export function scheduleResumeProperty<O>(
  make: (optimizer: Optimizer, options: O) => LRScheduler,
  options: fc.Arbitrary<O>,
): void {
  const steps = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(options, steps, steps, (chosen, before, after) => {
      const first = make(twoGroups(), chosen);
      for (let step = 0; step < before; step++) first.step();
      const second = make(new SGD(twoGroups().paramGroups.map(({ params }) => ({ params }))), chosen);
      second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
      for (let step = 0; step <= after; step++) {
        expect(second.lastLr).toEqual(first.lastLr);
        expect(second.optimizer.paramGroups.map((group) => group.lr)).toEqual(second.lastLr);
        first.step();
        second.step();
      }
      expect(second.stateDict()).toEqual(first.stateDict());
    }),
    { numRuns: 60 },
  );
}
