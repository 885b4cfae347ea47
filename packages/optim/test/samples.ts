import { type Tensor, tensor } from "@squall/tensor";
import fc from "fast-check";
import { expect } from "vitest";
import type { Hyperparameters, Optimizer, OptimizerStateDict } from "../src/index.ts";

/** Gradients of the PyTorch trajectories, one per step. */
const gradients = [
  [0.5, -1, 2],
  [1, 0.25, -0.5],
  [-0.75, 1.5, 0.1],
  [0.2, -0.3, 0.4],
];

/** A float64 parameter. */
export function parameter(values: readonly number[]): Tensor {
  return tensor([...values], { dtype: "float64", requiresGrad: true });
}

/** A float64 parameter with a gradient. */
export function withGrad(values: readonly number[], grad: readonly number[]): Tensor {
  const made = parameter(values);
  made.grad = tensor([...grad], { dtype: "float64" });
  return made;
}

/** Numbers that agree to rounding. */
export function expectClose(got: ArrayLike<number>, want: ArrayLike<number>, tolerance = 1e-12): void {
  expect(got.length).toBe(want.length);
  for (let k = 0; k < want.length; k++) {
    const error = Math.abs(got[k] - want[k]);
    expect(error, `entry ${k}: got ${got[k]}, want ${want[k]}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(want[k])),
    );
  }
}

/** The parameter [1, -2, 3] after each of four steps with fixed gradients must be `want`. */
export function expectTrajectory(make: (params: Tensor[]) => Optimizer, want: readonly (readonly number[])[]): void {
  const param = parameter([1, -2, 3]);
  const optimizer = make([param]);
  for (const [step, gradient] of gradients.entries()) {
    param.grad = tensor(gradient, { dtype: "float64" });
    optimizer.step();
    expectClose(param.dataSync(), want[step]);
  }
}

/** `run` must throw a `type` that says exactly `message`. */
export function expectError(run: () => unknown, type: new (...args: never[]) => Error, message: string): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(type);
  expect(thrown).toHaveProperty("message", message);
}

/** A coefficient in steps of 1/64, so that shrinking ends at readable numbers. */
export function fraction(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min: Math.round(min * 64), max: Math.round(max * 64) }).map((n) => n / 64);
}

/** A state dict that went through a file. */
export function stored(stateDict: OptimizerStateDict): OptimizerStateDict {
  return { state: stateDict.state, groups: JSON.parse(JSON.stringify(stateDict.groups)) };
}

/**
 * An optimizer that is saved and loaded into a fresh one goes on exactly as one that was never stopped, whatever its options and
 * wherever it stops.
 */
export function resumeProperty<H extends Hyperparameters>(
  make: (groups: { params: Tensor[]; lr?: number }[], options: Partial<H>) => Optimizer<H>,
  options: fc.Arbitrary<Partial<H>>,
): void {
  const sizes = fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }), {
    minLength: 1,
    maxLength: 3,
  });
  const steps = fc.integer({ min: 0, max: 4 });
  const dtype = fc.constantFrom("float32" as const, "float64" as const);
  const skip = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(options, sizes, steps, steps, dtype, skip, (chosen, shape, before, after, type, skipped) => {
      const build = (values?: Tensor[]): { params: Tensor[]; optimizer: Optimizer<H> } => {
        let at = 0;
        const groups = shape.map((group, g) => ({
          lr: 0.1 + 0.05 * g,
          params: group.map((n) => {
            const start = values?.[at]?.dataSync() ?? Float64Array.from({ length: n }, (_, i) => Math.cos(at * 5 + i));
            at++;
            return tensor(start, { dtype: type, requiresGrad: true });
          }),
        }));
        return { params: groups.flatMap((group) => group.params), optimizer: make(groups, chosen) };
      };
      const advance = ({ params, optimizer }: ReturnType<typeof build>, from: number, to: number): void => {
        for (let step = from; step < to; step++) {
          for (const [p, param] of params.entries()) {
            const values = Float64Array.from({ length: param.size }, (_, i) => Math.sin(step * 7 + p * 3 + i * 1.3));
            // A parameter that starts late has a step count of its own.
            param.grad = p === skipped && step < 2 ? undefined : tensor(values, { dtype: type });
          }
          optimizer.step();
        }
      };
      const whole = build();
      advance(whole, 0, before + after);
      const first = build();
      advance(first, 0, before);
      const saved = stored(first.optimizer.stateDict());
      const second = build(first.params);
      second.optimizer.loadStateDict(saved);
      // What was saved is a copy: neither optimizer may reach it any more.
      advance(first, before, before + 1);
      advance(second, before, before + after);
      for (const [p, param] of second.params.entries()) expect(param.dataSync()).toEqual(whole.params[p].dataSync());
    }),
    { numRuns: 60 },
  );
}
