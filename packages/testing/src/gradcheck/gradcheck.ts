import type { Tensor } from "@squall/tensor";
import { compare } from "./compare.ts";
import { type GradcheckOptions, resolveOptions } from "./options.ts";
import { type Differentiable, Subject } from "./subject.ts";

/**
 * Checks the gradients of a function against central differences, as PyTorch's `gradcheck`: every derivative must be within
 * `atol + rtol · |numerical|` of the numerical one. Outputs that carry no gradient must not depend on the inputs.
 *
 * Inputs are moved in place and put back, so a function may also hold them by other means: `gradcheck(() => layer.forward(x), layer.parameters())`.
 * `.grad` is left alone.
 *
 * @param fn - deterministic; returns one tensor or several
 * @param inputs - float64 leaves; those that require a gradient are checked
 * @throws GradcheckError naming output, input, entry and both values; DTypeError unless all is float64; ArgumentError if no input requires a
 * gradient or an option is out of range; AutogradError if an input is the result of an operation.
 */
export function gradcheck<Inputs extends readonly Tensor[]>(
  fn: Differentiable<NoInfer<Inputs>>,
  inputs: readonly [...Inputs],
  options: GradcheckOptions = {},
): void {
  const subject = new Subject("gradcheck", () => fn(...inputs), inputs);
  compare(subject, resolveOptions("gradcheck", options), {
    output: (k) => `output ${k}`,
    input: (k) => `input ${k}`,
  });
}
