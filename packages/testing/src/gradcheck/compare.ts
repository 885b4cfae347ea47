import { type FloatArray, formatShape, type Shape, stridesOf } from "@squall/device";
import { Generator, type Tensor, tensor } from "@squall/tensor";
import { GradcheckError, type GradcheckMismatch } from "./error.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Subject } from "./subject.ts";

/** What outputs and inputs are called in messages. */
export interface Labels {
  /** Of output `k`. */
  readonly output: (k: number) => string;
  /** Of input `k`. */
  readonly input: (k: number) => string;
}

/** Elements up to which every entry of a Jacobian is compared by default. */
const FULL_UP_TO = 256;

function indexOf(position: number, shape: Shape): number[] {
  return stridesOf(shape).map((stride, axis) => Math.floor(position / stride) % (shape[axis] ?? 1));
}

function agree(analytical: number, numerical: number, atol: number, rtol: number): boolean {
  return Math.abs(analytical - numerical) <= atol + rtol * Math.abs(numerical);
}

function fail(subject: Subject, options: ResolvedOptions, labels: Labels, mismatch: GradcheckMismatch): never {
  const { output, outputEntry, input, inputEntry, analytical, numerical } = mismatch;
  const entry =
    outputEntry === undefined || inputEntry === undefined
      ? `a random projection of the derivative of ${labels.output(output)} with respect to ${labels.input(input)}`
      : `the derivative of ${labels.output(output)} at ${formatShape(outputEntry)} with respect to ${labels.input(input)} at ${formatShape(inputEntry)}`;
  throw new GradcheckError(
    subject.op,
    `${entry} is ${analytical} by backward pass but ${numerical} by finite differences (eps ${options.eps}, atol ${options.atol}, rtol ${options.rtol})`,
    mismatch,
  );
}

/** Compares all entries of the Jacobians of some outputs. */
function compareFull(
  subject: Subject,
  outputs: readonly Tensor[],
  options: ResolvedOptions,
  labels: Labels,
  only?: { readonly output: number; readonly input: number },
): void {
  // All backward passes come first: moving the inputs makes the saved values of this graph stale.
  const analytical = outputs.map((output, k): FloatArray[][] => {
    if (only !== undefined && only.output !== k) return [];
    return Array.from({ length: output.size }, (_, row) => {
      const unit = new Float64Array(output.size);
      unit[row] = 1;
      return subject.gradients(output, tensor(unit, { shape: output.shape, device: output.device }));
    });
  });
  for (const [slot, { index, tensor: input }] of subject.checked.entries()) {
    if (only !== undefined && only.input !== slot) continue;
    for (let column = 0; column < input.size; column++) {
      const step = new Float64Array(input.size);
      step[column] = options.eps;
      const differences = subject.centralDifference(input, step);
      for (const [k, output] of outputs.entries()) {
        for (const [row, gradients] of (analytical[k] ?? []).entries()) {
          const byBackward = gradients[slot]?.[column] ?? Number.NaN;
          const numerical = (differences[k]?.[row] ?? Number.NaN) / options.eps;
          if (agree(byBackward, numerical, options.atol, options.rtol)) continue;
          fail(subject, options, labels, {
            output: k,
            outputEntry: indexOf(row, output.shape),
            input: index,
            inputEntry: indexOf(column, input.shape),
            analytical: byBackward,
            numerical,
          });
        }
      }
    }
  }
}

/** Random signs and sizes; none is near 0, which would hide an error in one entry. */
function randomDirection(generator: Generator, length: number): Float64Array {
  return Float64Array.from({ length }, () => (generator.next() < 0.5 ? -1 : 1) * (0.5 + generator.next()));
}

function dot(a: FloatArray, b: FloatArray): number {
  let sum = 0;
  for (const [k, value] of a.entries()) sum += value * (b[k] ?? Number.NaN);
  return sum;
}

function sumOfAbs(values: FloatArray): number {
  let sum = 0;
  for (const value of values) sum += Math.abs(value);
  return sum;
}

/** Compares `vᵀ·J·u` for random directions, for each pair of output and input. */
function compareProjections(
  subject: Subject,
  outputs: readonly Tensor[],
  options: ResolvedOptions,
  labels: Labels,
): void {
  const generator = new Generator(options.seed);
  const v = outputs.map((output) => randomDirection(generator, output.size));
  const gradients = outputs.map((output, k) =>
    subject.gradients(output, tensor(v[k] ?? new Float64Array(0), { shape: output.shape, device: output.device })),
  );
  for (const [slot, { index, tensor: input }] of subject.checked.entries()) {
    const u = randomDirection(generator, input.size);
    const differences = subject.centralDifference(
      input,
      u.map((value) => value * options.eps),
    );
    for (const [k, difference] of differences.entries()) {
      const direction = v[k] ?? new Float64Array(0);
      const numerical = dot(direction, difference) / options.eps;
      const analytical = dot(gradients[k]?.[slot] ?? new Float64Array(0), u);
      // Errors of the size allowed per entry add up along both directions.
      const atol = options.atol * Math.max(1, sumOfAbs(u) * sumOfAbs(direction));
      if (agree(analytical, numerical, atol, options.rtol)) continue;
      compareFull(subject, subject.evaluate(), options, labels, { output: k, input: slot });
      fail(subject, options, labels, {
        output: k,
        outputEntry: undefined,
        input: index,
        inputEntry: undefined,
        analytical,
        numerical,
      });
    }
  }
}

/** Compares the gradients of a function with finite differences. @throws GradcheckError */
export function compare(subject: Subject, options: ResolvedOptions, labels: Labels): void {
  const outputs = subject.evaluateTwice();
  const inputs = subject.checked.map((entry) => entry.tensor);
  const elements = [...outputs, ...inputs].reduce((sum, { size }) => sum + size, 0);
  const mode = options.mode ?? (elements <= FULL_UP_TO ? "full" : "projection");
  if (mode === "full") compareFull(subject, outputs, options, labels);
  else compareProjections(subject, outputs, options, labels);
}
