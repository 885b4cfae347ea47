import { ArgumentError } from "@squall/device";
import { checkChoice, checkNumber, checkWhole } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";

/** Options of {@link samplingSchedule}. */
export interface SamplingScheduleOptions {
  /** Shape of the way from one probability to the other. */
  readonly kind: "linear" | "exponential" | "sigmoid";
  /** Probability at first. */
  readonly from: number;
  /** Probability in the end. */
  readonly to: number;
  /** Iterations that the way takes. */
  readonly steps: number;
  /** Iterations before it, at `from`. Default 0. */
  readonly start?: number;
  /** How bent the exponential is, how steep the sigmoid. Default 5. */
  readonly rate?: number;
}

const names: Names<SamplingScheduleOptions> = {
  kind: true,
  from: true,
  to: true,
  steps: true,
  start: true,
  rate: true,
};

/**
 * Probabilities for scheduled sampling, as a function of the training iteration: falling ones for `teacherForcing` (Bengio et al. 2015,
 * section 2.4), rising ones for `encoderForcing` (PredRNN-v2's reverse scheduled sampling). With `u = (iteration - start) / steps`, kept
 * within 0 and 1, the probability is `to + (from - to)·w(u)`, where `w` goes from exactly 1 to exactly 0:
 *
 * - `linear`: `w = 1 - u`
 * - `exponential`: `w = (e^(-rate·u) - e^(-rate)) / (1 - e^(-rate))`: Bengio's `k^i` with `k = e^(-rate/steps)`, moved to end at `to`
 * - `sigmoid`: `w = (s(u) - s(1)) / (s(0) - s(1))` with `s(u) = 1 / (1 + e^(rate·(2u - 1)))`: Bengio's inverse sigmoid, likewise
 *
 * ```ts
 * const truth = samplingSchedule({ kind: "linear", from: 1, to: 0, steps: 50_000 });
 * model.forward(x, 10, { targets, teacherForcing: truth(iteration) });
 * ```
 *
 * @returns the probability at an iteration; it throws an ArgumentError unless that is a number >= 0
 * @throws ArgumentError if an option is out of range
 */
export function samplingSchedule(options: SamplingScheduleOptions): (iteration: number) => number {
  const op = "samplingSchedule";
  checkNames(op, options, names);
  const { kind, from, to, steps, start = 0, rate = 5 } = options;
  checkChoice(op, "kind", kind, ["linear", "exponential", "sigmoid"]);
  for (const [name, p] of Object.entries({ from, to })) {
    checkNumber(op, name, p, "a number in [0, 1]", (n) => n >= 0 && n <= 1);
  }
  checkWhole(op, "steps", steps, 1);
  checkWhole(op, "start", start, 0);
  checkNumber(op, "rate", rate, "a number > 0", (n) => n > 0);
  if (kind === "linear" && options.rate !== undefined) {
    throw new ArgumentError(op, 'rate is for the kinds "exponential" and "sigmoid", but kind is "linear"', {
      expected: ["exponential", "sigmoid"],
      got: kind,
    });
  }
  // The formulas above, written so that they neither overflow nor cancel, and are exact at both ends.
  const way = {
    linear: (u: number) => 1 - u,
    exponential: (u: number) => 1 - Math.expm1(-rate * u) / Math.expm1(-rate),
    sigmoid: (u: number) => (1 - Math.tanh(rate * (u - 0.5)) / Math.tanh(rate / 2)) / 2,
  }[kind];
  return (iteration) => {
    checkNumber(op, "iteration", iteration, "a number >= 0", (n) => n >= 0);
    const w = way(Math.min(1, Math.max(0, (iteration - start) / steps)));
    return from * w + to * (1 - w);
  };
}
