import { ArgumentError, broadcastShapes, broadcastStrides, type ElementwiseFunction, functions } from "@squall/device";
import { defineOp, type GradientContext, type Op } from "../autograd/op.ts";
import { full, zeros } from "../create/create.ts";
import { Tensor, type TensorOrNumber } from "../tensor.ts";
import { sumTo } from "./reduce.ts";

type Scalars = readonly number[];

/** One op per elementwise function, made when it is first applied. */
const ops = new WeakMap<ElementwiseFunction, Op<Scalars>>();

function makeOp(fn: ElementwiseFunction): Op<Scalars> {
  const shapeOf = (inputs: readonly Tensor[]): number[] =>
    broadcastShapes(
      fn.name,
      inputs.map((input) => input.shape),
    );
  return defineOp<Scalars>({
    name: fn.name,
    shape: shapeOf,
    run: (inputs, scalars) => {
      const shape = shapeOf(inputs);
      const strides = inputs.map((input) => broadcastStrides(input.shape, shape));
      const storages = inputs.map((input) => input.storage);
      const [first] = storages;
      if (first === undefined) throw new ArgumentError(fn.name, "needs at least one tensor");
      return first.device.kernels.map({ shape, strides }, fn.value, storages, scalars);
    },
    ...(fn.differentiable && {
      saves: (_: Scalars, needs: readonly boolean[]) => {
        const read = new Set(needs.flatMap((need, k) => (need ? (fn.gradient(k)?.operands ?? []) : [])));
        return { inputs: needs.map((_, k) => k).filter((k) => read.has(k)), outputs: read.has("output") ? [0] : [] };
      },
      gradient: (context: GradientContext<Scalars>) =>
        Array.from({ length: fn.arity }, (_, k) => {
          if (!context.needs(k)) return undefined;
          const gradient = fn.gradient(k);
          if (gradient === undefined) return zeros(context.inputShape(k), context.gradient());
          const operands = gradient.operands.map((operand) => {
            if (operand === "gradient") return context.gradient();
            return operand === "output" ? context.output() : context.input(operand);
          });
          // What passes a gradient on as it is, such as a sum, needs no copy of it.
          const { value } = gradient.fn;
          const passed = value.kind === "input" ? operands[value.index] : undefined;
          const result = passed ?? applyElementwise(gradient.fn, operands, context.args);
          return sumTo(result, context.inputShape(k));
        }),
    }),
  });
}

/**
 * Applies an elementwise function, one of the table or your own (`elementwise({ name, arity, value })` of `@squall/device`), with NumPy
 * broadcasting; its gradients of any order come with it.
 * @param scalars - the numbers that scalar leaves of the expression stand for
 * @throws ShapeError if the shapes do not broadcast; ArgumentError if the number of tensors is not the function's; DTypeError, DeviceError
 */
export function applyElementwise(
  fn: ElementwiseFunction,
  inputs: readonly Tensor[],
  scalars: readonly number[] = [],
): Tensor {
  if (inputs.length !== fn.arity) {
    throw new ArgumentError(fn.name, `takes ${fn.arity} tensors, got ${inputs.length}`, {
      expected: fn.arity,
      got: inputs.length,
    });
  }
  let op = ops.get(fn);
  if (op === undefined) {
    op = makeOp(fn);
    ops.set(fn, op);
  }
  return op(inputs, scalars);
}

function checkOperand(op: string, value: unknown): void {
  if (!(value instanceof Tensor) && typeof value !== "number") {
    throw new ArgumentError(op, `operands must be tensors or numbers, got ${value === null ? "null" : typeof value}`, {
      got: value,
    });
  }
}

/** A number as a tensor that fits another. */
function lift(op: string, value: TensorOrNumber, like: TensorOrNumber): Tensor {
  checkOperand(op, value);
  if (value instanceof Tensor) return value;
  if (like instanceof Tensor) return full([], value, like);
  throw new ArgumentError(op, "at least one operand must be a tensor", { got: [value, like] });
}

function both(fn: ElementwiseFunction, a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return applyElementwise(fn, [lift(fn.name, a, b), lift(fn.name, b, a)]);
}

/**
 * `a + b`, broadcast. At least one side is a tensor.
 * @throws ShapeError if the shapes do not broadcast; DTypeError, DeviceError if the tensors differ in these
 */
export function add(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  if (a instanceof Tensor && typeof b === "number") return applyElementwise(functions.addScalar, [a], [b]);
  if (b instanceof Tensor && typeof a === "number") return applyElementwise(functions.addScalar, [b], [a]);
  return both(functions.add, a, b);
}

/** `a - b`, broadcast. See {@link add}. */
export function sub(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  if (a instanceof Tensor && typeof b === "number") return applyElementwise(functions.addScalar, [a], [-b]);
  if (b instanceof Tensor && typeof a === "number") return applyElementwise(functions.subFromScalar, [b], [a]);
  return both(functions.sub, a, b);
}

/** `a · b`, broadcast. See {@link add}. */
export function mul(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  if (a instanceof Tensor && typeof b === "number") return applyElementwise(functions.mulScalar, [a], [b]);
  if (b instanceof Tensor && typeof a === "number") return applyElementwise(functions.mulScalar, [b], [a]);
  return both(functions.mul, a, b);
}

/** `a / b`, broadcast. See {@link add}. */
export function div(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  if (a instanceof Tensor && typeof b === "number") return applyElementwise(functions.divScalar, [a], [b]);
  if (b instanceof Tensor && typeof a === "number") return applyElementwise(functions.divScalarBy, [b], [a]);
  return both(functions.div, a, b);
}

/** `base` to the power of `exponent`, broadcast; NaN for a negative base with a broken exponent. See {@link add}. */
export function pow(base: TensorOrNumber, exponent: TensorOrNumber): Tensor {
  if (base instanceof Tensor && typeof exponent === "number") {
    return applyElementwise(functions.powScalar, [base], [exponent]);
  }
  return both(functions.pow, base, exponent);
}

/** The larger of both, broadcast; a tie shares the gradient half and half; NaN wins. */
export function maximum(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return both(functions.maximum, a, b);
}

/** The smaller of both, broadcast; a tie shares the gradient half and half; NaN wins. */
export function minimum(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return both(functions.minimum, a, b);
}

/** 1 where `a < b`, else 0, broadcast, in the dtype of the operands; carries no gradient. */
export function lt(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return both(functions.lt, a, b);
}

/** 1 where `a <= b`, else 0. See {@link lt}. */
export function le(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return both(functions.le, a, b);
}

/** 1 where `a > b`, else 0. See {@link lt}. */
export function gt(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return both(functions.gt, a, b);
}

/** 1 where `a >= b`, else 0. See {@link lt}. */
export function ge(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return both(functions.ge, a, b);
}

/** 1 where `a = b`, else 0. See {@link lt}. */
export function eq(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return both(functions.eq, a, b);
}

/** 1 where `a ≠ b`, else 0. See {@link lt}. */
export function ne(a: TensorOrNumber, b: TensorOrNumber): Tensor {
  return both(functions.ne, a, b);
}

/** `-x`. */
export function neg(x: Tensor): Tensor {
  return applyElementwise(functions.neg, [x]);
}

/** `|x|`; gradient 0 at 0. */
export function abs(x: Tensor): Tensor {
  return applyElementwise(functions.abs, [x]);
}

/** -1, 0 or 1; gradient 0. */
export function sign(x: Tensor): Tensor {
  return applyElementwise(functions.sign, [x]);
}

/** `eˣ`. */
export function exp(x: Tensor): Tensor {
  return applyElementwise(functions.exp, [x]);
}

/** `eˣ - 1`, exact near 0. */
export function expm1(x: Tensor): Tensor {
  return applyElementwise(functions.expm1, [x]);
}

/** Natural logarithm. */
export function log(x: Tensor): Tensor {
  return applyElementwise(functions.log, [x]);
}

/** `log(1 + x)`, exact near 0. */
export function log1p(x: Tensor): Tensor {
  return applyElementwise(functions.log1p, [x]);
}

/** `√x`. */
export function sqrt(x: Tensor): Tensor {
  return applyElementwise(functions.sqrt, [x]);
}

/** Sine of radians. */
export function sin(x: Tensor): Tensor {
  return applyElementwise(functions.sin, [x]);
}

/** Cosine of radians. */
export function cos(x: Tensor): Tensor {
  return applyElementwise(functions.cos, [x]);
}

/** Hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return applyElementwise(functions.tanh, [x]);
}

/** `1 / (1 + e⁻ˣ)`. */
export function sigmoid(x: Tensor): Tensor {
  return applyElementwise(functions.sigmoid, [x]);
}

/** Largest whole number <= x; gradient 0. */
export function floor(x: Tensor): Tensor {
  return applyElementwise(functions.floor, [x]);
}

/** Smallest whole number >= x; gradient 0. */
export function ceil(x: Tensor): Tensor {
  return applyElementwise(functions.ceil, [x]);
}

/** Nearest whole number, halves to the even one; gradient 0. */
export function round(x: Tensor): Tensor {
  return applyElementwise(functions.round, [x]);
}

/** `x²`. */
export function square(x: Tensor): Tensor {
  return applyElementwise(functions.square, [x]);
}

/** `1 / x`. */
export function reciprocal(x: Tensor): Tensor {
  return applyElementwise(functions.reciprocal, [x]);
}

/** `max(x, 0)`; gradient 0 at 0. */
export function relu(x: Tensor): Tensor {
  return applyElementwise(functions.relu, [x]);
}

/** `log(1 + eˣ)`, without overflow. */
export function softplus(x: Tensor): Tensor {
  return applyElementwise(functions.softplus, [x]);
}

/** `x · sigmoid(x)`. */
export function silu(x: Tensor): Tensor {
  return applyElementwise(functions.silu, [x]);
}

/** `x` above 0, `negativeSlope · x` elsewhere. Default slope 0.01. @throws ArgumentError if the slope is NaN. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  checkNumber("leakyRelu", "negativeSlope", negativeSlope);
  return applyElementwise(functions.leakyRelu, [x], [negativeSlope]);
}

/** `x` above 0, `alpha · (eˣ - 1)` elsewhere. Default alpha 1. @throws ArgumentError if alpha is NaN. */
export function elu(x: Tensor, alpha = 1): Tensor {
  checkNumber("elu", "alpha", alpha);
  return applyElementwise(functions.elu, [x], [alpha]);
}

/**
 * `x` kept within `[min, max]`; a bound left out does not bound. The gradient is 1 inside and on the bounds, 0 outside.
 * @throws ArgumentError if a bound is NaN or `min > max`
 */
export function clamp(
  x: Tensor,
  min: number = Number.NEGATIVE_INFINITY,
  max: number = Number.POSITIVE_INFINITY,
): Tensor {
  checkNumber("clamp", "min", min);
  checkNumber("clamp", "max", max);
  if (min > max)
    throw new ArgumentError("clamp", `min must not be above max, got min = ${min}, max = ${max}`, { got: [min, max] });
  return applyElementwise(functions.clamp, [x], [min, max]);
}

/**
 * `whenTrue` where `condition` is not 0, `whenFalse` elsewhere; all three broadcast. Neither values nor gradients of the side not taken
 * matter, not even NaN.
 * @throws ShapeError, DTypeError, DeviceError as {@link add}
 */
export function where(condition: Tensor, whenTrue: TensorOrNumber, whenFalse: TensorOrNumber): Tensor {
  return applyElementwise(functions.where, [
    condition,
    lift("where", whenTrue, condition),
    lift("where", whenFalse, condition),
  ]);
}

function checkNumber(op: string, name: string, value: number): void {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new ArgumentError(op, `${name} must be a number, got ${value}`, { got: value });
  }
}
