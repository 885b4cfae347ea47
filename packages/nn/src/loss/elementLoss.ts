import { type ElementwiseFunction, sameShape } from "@squall/device";
import { applyElementwise, defineOp, type GradientContext, type Op, type Tensor, zeros } from "@squall/tensor";
import type { LossReduction } from "./reduction.ts";

interface LossArgs {
  /** The numbers that scalar leaves of the function stand for. */
  readonly scalars: readonly number[];
  /** What the sum is divided by. */
  readonly divisor: number;
}

/** One op per function, made when it is first applied. */
const ops = new WeakMap<ElementwiseFunction, Op<LossArgs>>();

/** Which inputs the wanted gradients read: all, if one reads the losses themselves, which are not kept. */
function inputsRead(fn: ElementwiseFunction, needs: readonly boolean[]): number[] {
  const all = needs.map((_, k) => k);
  const read = new Set(all.flatMap((k) => (needs[k] ? (fn.gradient(k)?.operands ?? []) : [])));
  return read.has("output") ? all : all.filter((k) => read.has(k));
}

function gradients(fn: ElementwiseFunction, context: GradientContext<LossArgs>): (Tensor | undefined)[] {
  const { scalars, divisor } = context.args;
  // One number for all elements: it is broadcast inside the gradient's own pass.
  const share = divisor === 1 ? context.gradient() : context.gradient().div(divisor);
  const inputs = Array.from({ length: fn.arity }, (_, k) => k);
  return inputs.map((k) => {
    if (!context.needs(k)) return undefined;
    const shape = context.inputShape(k);
    const gradient = fn.gradient(k);
    if (gradient === undefined) return zeros(shape, share);
    const operands = gradient.operands.map((operand) => {
      if (operand === "gradient") return share;
      if (operand !== "output") return context.input(operand);
      return applyElementwise(
        fn,
        inputs.map((other) => context.input(other)),
        scalars,
      );
    });
    const result = applyElementwise(gradient.fn, operands, scalars);
    return sameShape(result.shape, shape) ? result : result.expand(shape);
  });
}

function makeOp(fn: ElementwiseFunction): Op<LossArgs> {
  return defineOp<LossArgs>({
    name: fn.name,
    shape: () => [],
    run: (inputs, { scalars, divisor }) => {
      const total = applyElementwise(fn, inputs, scalars).sum();
      return (divisor === 1 ? total : total.div(divisor)).storage;
    },
    saves: (_, needs) => ({ inputs: inputsRead(fn, needs), outputs: [] }),
    gradient: (context) => gradients(fn, context),
  });
}

/**
 * The loss of every element by `fn`, reduced. Forward it takes one pass and a sum, backward one pass for each input: the gradient of a sum
 * is one number and is never written out per element.
 * @param inputs - of one shape
 * @param scalars - the numbers that scalar leaves of `fn` stand for
 */
export function elementLoss(
  fn: ElementwiseFunction,
  inputs: readonly [Tensor, ...Tensor[]],
  reduction: LossReduction,
  scalars: readonly number[] = [],
): Tensor {
  if (reduction === "none") return applyElementwise(fn, inputs, scalars);
  let op = ops.get(fn);
  if (op === undefined) {
    op = makeOp(fn);
    ops.set(fn, op);
  }
  return op(inputs, { scalars, divisor: reduction === "sum" ? 1 : inputs[0].size });
}
