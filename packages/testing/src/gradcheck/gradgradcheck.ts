import { Generator, grad, randn, Tensor } from "@squall/tensor";
import { compare } from "./compare.ts";
import { type GradcheckOptions, resolveOptions } from "./options.ts";
import { type Differentiable, Subject } from "./subject.ts";

/**
 * Checks second derivatives: {@link gradcheck} of the function that takes the inputs and gradients of the outputs (drawn from the seed) to
 * the gradients of the inputs, with respect to all of them, as PyTorch's `gradgradcheck`.
 *
 * @param fn - deterministic; returns one tensor or several
 * @param inputs - float64 leaves; those that require a gradient are checked
 * @throws GradcheckError, DTypeError, ArgumentError, AutogradError as {@link gradcheck}; in a message, "the gradient of input k" is an output
 * of the gradient function and "the upstream gradient of output k" one of its inputs.
 */
export function gradgradcheck<Inputs extends readonly Tensor[]>(
  fn: Differentiable<NoInfer<Inputs>>,
  inputs: readonly [...Inputs],
  options: GradcheckOptions = {},
): void {
  const resolved = resolveOptions("gradgradcheck", options);
  const outputsOf = (): readonly Tensor[] => {
    const result = fn(...inputs);
    return result instanceof Tensor ? [result] : result;
  };
  // The subject checks inputs and outputs before anything is made like them.
  const first = new Subject("gradgradcheck", outputsOf, inputs);
  const generator = new Generator(resolved.seed);
  const upstream = first
    .evaluate()
    .map(({ shape, dtype, device }) => randn(shape, { dtype, device, generator, requiresGrad: true }));
  const { checked } = first;

  const gradients = (): readonly Tensor[] => {
    const outputs = outputsOf()
      .map((output, k) => ({ output, gradient: upstream[k] }))
      .filter((root): root is { output: Tensor; gradient: Tensor } => root.output.requiresGrad);
    if (outputs.length === 0) return [];
    return grad(
      outputs.map((root) => root.output),
      checked.map((entry) => entry.tensor),
      { gradOutputs: outputs.map((root) => root.gradient), createGraph: true, allowUnused: true },
    );
  };
  const subject = new Subject("gradgradcheck", gradients, [...inputs, ...upstream]);
  compare(subject, resolved, {
    output: (k) => `the gradient of input ${checked[k]?.index ?? k}`,
    input: (k) => (k < inputs.length ? `input ${k}` : `the upstream gradient of output ${k - inputs.length}`),
  });
}
