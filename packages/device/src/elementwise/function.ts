import { derivative } from "./derivative.ts";
import { type Expression, input, inputsOf, substitute } from "./expression.ts";

/** The gradient of an elementwise function with respect to one of its inputs: itself an elementwise function. */
export interface ElementwiseGradient {
  /** Computes the gradient from {@link ElementwiseGradient.operands}. */
  readonly fn: ElementwiseFunction;
  /** What `fn` reads, in order: an input of the original by index, its output, or the gradient of its output. */
  readonly operands: readonly (number | "output" | "gradient")[];
}

/** One row of the elementwise table: a value and a derivative. */
export interface ElementwiseFunction {
  /** Name for messages and kernels. */
  readonly name: string;
  /** Number of tensors it reads. */
  readonly arity: number;
  /** The value, over inputs 0 to arity - 1. */
  readonly value: Expression;
  /** Whether the result can carry a gradient. Comparisons cannot. */
  readonly differentiable: boolean;
  /** The gradient with respect to input `index`; `undefined` where it is zero everywhere. */
  gradient(index: number): ElementwiseGradient | undefined;
}

/** What a table row is written with. */
export interface ElementwiseRow {
  /** Name for messages and kernels. */
  readonly name: string;
  /** Number of tensors it reads. */
  readonly arity: number;
  /** The value, over inputs 0 to arity - 1. */
  readonly value: Expression;
  /**
   * Gradients of all inputs from `g` (the gradient of the output), the inputs, and `y` (the output), where something better than the
   * derivative of `value` is known: cheaper, because it uses the output, or stable at the edges. Default: derived from `value`.
   */
  readonly gradient?: (
    g: Expression,
    inputs: readonly Expression[],
    y: Expression,
  ) => readonly (Expression | undefined)[];
  /** Default true. */
  readonly differentiable?: boolean;
}

/** Makes an elementwise function of a table row. Gradients, of any order, are derived when first asked for. */
export function elementwise(row: ElementwiseRow): ElementwiseFunction {
  const { name, arity, value } = row;
  const output = input(arity);
  const g = input(arity + 1);
  const known = new Map<number, ElementwiseGradient | undefined>();
  let expressions: readonly (Expression | undefined)[] | undefined;

  const derive = (): readonly (Expression | undefined)[] => {
    const inputs = Array.from({ length: arity }, (_, i) => input(i));
    if (row.gradient !== undefined) return row.gradient(g, inputs, output);
    const gradients = derivative(value, g);
    return inputs.map((_, i) => gradients.get(i));
  };

  const gradient = (index: number): ElementwiseGradient | undefined => {
    if (known.has(index)) return known.get(index);
    expressions ??= derive();
    const expression = expressions[index];
    let made: ElementwiseGradient | undefined;
    const isZero = expression?.kind === "constant" && expression.value === 0;
    if (expression !== undefined && !isZero) {
      const used = inputsOf(expression);
      made = {
        fn: elementwise({
          name: `${name}Gradient${index}`,
          arity: used.length,
          value: substitute(expression, (i) => input(used.indexOf(i))),
        }),
        operands: used.map((i) => (i === arity ? "output" : i === arity + 1 ? "gradient" : i)),
      };
    }
    known.set(index, made);
    return made;
  };

  return { name, arity, value, differentiable: row.differentiable ?? true, gradient };
}
