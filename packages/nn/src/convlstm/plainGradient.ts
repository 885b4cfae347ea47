import { type GradientContext, grad, type Tensor } from "@squall/tensor";

/**
 * The gradient of an op as a function that can be differentiated again: what the op means in plain operations, recorded and walked.
 * @param inputs - number of the op's inputs, all of them saved
 * @param plain - the op's outputs from its inputs, those that gradients may come to
 */
export function plainGradient<Args>(
  context: GradientContext<Args>,
  inputs: number,
  plain: (at: (k: number) => Tensor) => readonly Tensor[],
): (Tensor | undefined)[] {
  // A reshape is a new place in the graph: the walk stops there, so inputs that depend on each other are told apart.
  const aliases = Array.from({ length: inputs }, (_, k) => {
    const input = context.input(k);
    return input.reshape(input.shape);
  });
  const outputs = plain((k) => aliases[k] ?? context.input(k));
  const wanted = [...aliases.entries()].filter(([k]) => context.needs(k));
  const gradients = grad(
    outputs,
    wanted.map(([, alias]) => alias),
    { gradOutputs: outputs.map((_, k) => context.gradient(k)), createGraph: true, allowUnused: true },
  );
  const result: (Tensor | undefined)[] = [];
  for (const [index, [k]] of wanted.entries()) result[k] = gradients[index];
  return result;
}
