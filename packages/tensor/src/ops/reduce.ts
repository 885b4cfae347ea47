import { ArgumentError, formatShape, type Reduction, type Shape, ShapeError, sameShape } from "@squall/device";
import { defineOp } from "../autograd/op.ts";
import type { Dims, Tensor } from "../tensor.ts";
import { resolveDims, sizeAt } from "./axes.ts";
import { keptShape } from "./reshape.ts";

interface ReduceArgs {
  readonly dims: readonly number[];
}

function reduceStorage(reduction: Reduction, x: Tensor, dims: readonly number[]): Tensor["storage"] {
  const reduced = x.shape.map((_, axis) => dims.includes(axis));
  return x.device.kernels.reduce({ shape: x.shape, reduced }, reduction, x.storage);
}

const sumOp = defineOp<ReduceArgs, [Tensor]>({
  name: "sum",
  shape: ([x], { dims }) => keptShape(x.shape, dims),
  run: ([x], { dims }) => reduceStorage("sum", x, dims),
  saves: () => ({ inputs: [], outputs: [] }),
  gradient: (context) => [context.gradient().expand(context.inputShape(0))],
});

function extremeOp(reduction: "max" | "min"): typeof sumOp {
  return defineOp<ReduceArgs, [Tensor]>({
    name: reduction,
    shape: ([x], { dims }) => {
      if (dims.some((dim) => sizeAt(x.shape, dim) === 0)) {
        throw new ShapeError(
          reduction,
          `there is no ${reduction} of nothing: shape ${formatShape(x.shape)}, axes [${dims.join(",")}]`,
          { got: x.shape },
        );
      }
      return keptShape(x.shape, dims);
    },
    run: ([x], { dims }) => reduceStorage(reduction, x, dims),
    // All elements that share the extreme share its gradient, as PyTorch's amax and amin do.
    gradient: (context) => {
      const hits = context.input(0).eq(context.output());
      return [context.gradient().div(hits.sum(context.args.dims, true)).mul(hits)];
    },
  });
}

const maxOp = extremeOp("max");
const minOp = extremeOp("min");

function reduceWith(op: typeof sumOp, name: string, x: Tensor, dim: Dims, keepdim: boolean): Tensor {
  const dims = resolveDims(name, dim, x.shape);
  const kept = op([x], { dims });
  return keepdim ? kept : kept.reshape(x.shape.filter((_, axis) => !dims.includes(axis)));
}

/**
 * Sum over axes.
 * @param dim - axes to sum over; all if left out. An empty list sums over none.
 * @param keepdim - keep them with size 1. Default false.
 * @throws ShapeError if an axis does not exist or is named twice
 */
export function sum(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  return reduceWith(sumOp, "sum", x, dim, keepdim);
}

/** Mean over axes; NaN of nothing. See {@link sum}. */
export function mean(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const count = resolveDims("mean", dim, x.shape).reduce((n, axis) => n * sizeAt(x.shape, axis), 1);
  return sum(x, dim, keepdim).div(count);
}

/** Largest value over axes; equal ones share the gradient evenly; NaN wins. See {@link sum}. @throws ShapeError of nothing */
export function max(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  return reduceWith(maxOp, "max", x, dim, keepdim);
}

/** Smallest value over axes; equal ones share the gradient evenly; NaN wins. See {@link sum}. @throws ShapeError of nothing */
export function min(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  return reduceWith(minOp, "min", x, dim, keepdim);
}

/** Options of {@link variance}. */
export interface VarianceOptions {
  /** Subtracted from the number of elements in the divisor: 1 (default) for an unbiased estimate, 0 for the mean square deviation. */
  readonly correction?: number;
  /** Keep the reduced axes with size 1. Default false. */
  readonly keepdim?: boolean;
}

/**
 * Variance over axes, `sum((x - mean)²) / max(0, n - correction)`, as PyTorch's `var`.
 * @throws ShapeError if an axis does not exist; ArgumentError if `correction` is not a number
 */
export function variance(x: Tensor, dim?: Dims, options: VarianceOptions = {}): Tensor {
  const { correction = 1, keepdim = false } = options;
  if (!Number.isFinite(correction))
    throw new ArgumentError("var", `correction must be a number, got ${correction}`, { got: correction });
  const count = resolveDims("var", dim, x.shape).reduce((n, axis) => n * sizeAt(x.shape, axis), 1);
  const deviation = x.sub(mean(x, dim, true));
  return sum(deviation.square(), dim, keepdim).div(Math.max(0, count - correction));
}

/** Sums a gradient back to the shape that was broadcast. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const extra = x.rank - shape.length;
  const dims = x.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < extra || (shape[axis - extra] === 1 && x.shape[axis] !== 1));
  return sum(x, dims, true).reshape(shape);
}
