/** The elementwise functions that the library is made of. Adding one is adding a row here. */
import {
  add,
  type BinaryFunction,
  binary,
  div,
  input,
  mul,
  neg,
  scalar,
  select,
  sub,
  type UnaryFunction,
  unary,
} from "./expression.ts";
import { type ElementwiseFunction, type ElementwiseRow, elementwise } from "./function.ts";

const x = input(0);
const y = input(1);

function one(fn: UnaryFunction, gradient?: NonNullable<ElementwiseRow["gradient"]>): ElementwiseFunction {
  return elementwise({ name: fn, arity: 1, value: unary(fn, x), ...(gradient && { gradient }) });
}

function two(fn: BinaryFunction, gradient?: NonNullable<ElementwiseRow["gradient"]>): ElementwiseFunction {
  return elementwise({ name: fn, arity: 2, value: binary(fn, x, y), ...(gradient && { gradient }) });
}

function comparison(fn: BinaryFunction): ElementwiseFunction {
  return elementwise({ name: fn, arity: 2, value: binary(fn, x, y), differentiable: false });
}

/** Names of the rows of {@link functions}. */
export type FunctionName =
  | "neg"
  | "abs"
  | "sign"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sqrt"
  | "sin"
  | "cos"
  | "tanh"
  | "sigmoid"
  | "floor"
  | "ceil"
  | "round"
  | "square"
  | "reciprocal"
  | "relu"
  | "leakyRelu"
  | "elu"
  | "softplus"
  | "silu"
  | "addScalar"
  | "mulScalar"
  | "divScalar"
  | "subFromScalar"
  | "divScalarBy"
  | "powScalar"
  | "clamp"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "maximum"
  | "minimum"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "eq"
  | "ne"
  | "where";

/** Rows by name. `x` is input 0, `y` input 1, `s` the scalars given with the call. */
export const functions: Readonly<Record<FunctionName, ElementwiseFunction>> = {
  /** `-x` */
  neg: one("neg"),
  /** `|x|`, gradient `sign(x)`, 0 at 0 */
  abs: one("abs"),
  /** -1, 0 or 1; gradient 0 */
  sign: one("sign"),
  /** `eˣ` */
  exp: one("exp", (g, _, out) => [mul(g, out)]),
  /** `eˣ - 1`, exact near 0 */
  expm1: one("expm1", (g, _, out) => [mul(g, add(out, 1))]),
  /** natural logarithm */
  log: one("log"),
  /** `log(1 + x)`, exact near 0 */
  log1p: one("log1p"),
  /** `√x` */
  sqrt: one("sqrt", (g, _, out) => [div(g, mul(2, out))]),
  /** sine, radians */
  sin: one("sin"),
  /** cosine, radians */
  cos: one("cos"),
  /** hyperbolic tangent, gradient `1 - tanh²` */
  tanh: one("tanh", (g, _, out) => [mul(g, sub(1, mul(out, out)))]),
  /** `1 / (1 + e⁻ˣ)`, gradient `σ(1 - σ)` */
  sigmoid: one("sigmoid", (g, _, out) => [mul(g, mul(out, sub(1, out)))]),
  /** largest whole number <= x; gradient 0 */
  floor: one("floor"),
  /** smallest whole number >= x; gradient 0 */
  ceil: one("ceil"),
  /** nearest whole number, halves to even; gradient 0 */
  round: one("round"),
  /** `x²` */
  square: elementwise({ name: "square", arity: 1, value: mul(x, x), gradient: (g, [a = x]) => [mul(g, mul(2, a))] }),
  /** `1 / x` */
  reciprocal: elementwise({
    name: "reciprocal",
    arity: 1,
    value: div(1, x),
    gradient: (g, _, out) => [neg(mul(g, mul(out, out)))],
  }),
  /** `max(x, 0)`, gradient 0 at 0; NaN stays NaN */
  relu: elementwise({
    name: "relu",
    arity: 1,
    value: binary("max", x, 0),
    gradient: (g, _, out) => [select(binary("gt", out, 0), g, 0)],
  }),
  /** `x` above 0, `s₀·x` elsewhere */
  leakyRelu: elementwise({ name: "leakyRelu", arity: 1, value: select(binary("gt", x, 0), x, mul(scalar(0), x)) }),
  /** `x` above 0, `s₀·(eˣ - 1)` elsewhere */
  elu: elementwise({
    name: "elu",
    arity: 1,
    // 0 for what is above: there eˣ may be infinite, and 0 times that, its share of the gradient, would be NaN.
    value: select(binary("gt", x, 0), x, mul(scalar(0), unary("expm1", select(binary("gt", x, 0), 0, x)))),
  }),
  /** `log(1 + eˣ)` without overflow, gradient `σ(x)` */
  softplus: elementwise({
    name: "softplus",
    arity: 1,
    value: add(binary("max", x, 0), unary("log1p", unary("exp", neg(unary("abs", x))))),
    gradient: (g, [a = x]) => [mul(g, unary("sigmoid", a))],
  }),
  /** `x·σ(x)` */
  silu: elementwise({ name: "silu", arity: 1, value: mul(x, unary("sigmoid", x)) }),
  /** `x + s₀` */
  addScalar: elementwise({ name: "add", arity: 1, value: binary("add", x, scalar(0)) }),
  /** `x·s₀` */
  mulScalar: elementwise({ name: "mul", arity: 1, value: binary("mul", x, scalar(0)) }),
  /** `x / s₀` */
  divScalar: elementwise({ name: "div", arity: 1, value: binary("div", x, scalar(0)) }),
  /** `s₀ - x` */
  subFromScalar: elementwise({ name: "rsub", arity: 1, value: binary("sub", scalar(0), x) }),
  /** `s₀ / x` */
  divScalarBy: elementwise({ name: "rdiv", arity: 1, value: binary("div", scalar(0), x) }),
  /** `x` to the power of `s₀` */
  powScalar: elementwise({ name: "pow", arity: 1, value: binary("pow", x, scalar(0)) }),
  /** `x` kept within `[s₀, s₁]`; gradient 1 inside and on the borders, 0 outside; NaN stays NaN */
  clamp: elementwise({
    name: "clamp",
    arity: 1,
    value: binary("min", binary("max", x, scalar(0)), scalar(1)),
    gradient: (g, [a = x]) => [select(binary("lt", a, scalar(0)), 0, select(binary("gt", a, scalar(1)), 0, g))],
  }),
  /** `x + y` */
  add: two("add"),
  /** `x - y` */
  sub: two("sub"),
  /** `x·y` */
  mul: two("mul"),
  /** `x / y` */
  div: two("div", (g, [, b = y], out) => [div(g, b), neg(div(mul(g, out), b))]),
  /** `xʸ` */
  pow: two("pow"),
  /** the larger; a tie shares the gradient half and half */
  maximum: elementwise({ name: "maximum", arity: 2, value: binary("max", x, y) }),
  /** the smaller; a tie shares the gradient half and half */
  minimum: elementwise({ name: "minimum", arity: 2, value: binary("min", x, y) }),
  /** 1 where `x < y`, else 0 */
  lt: comparison("lt"),
  /** 1 where `x <= y`, else 0 */
  le: comparison("le"),
  /** 1 where `x > y`, else 0 */
  gt: comparison("gt"),
  /** 1 where `x >= y`, else 0 */
  ge: comparison("ge"),
  /** 1 where `x = y`, else 0 */
  eq: comparison("eq"),
  /** 1 where `x ≠ y`, else 0 */
  ne: comparison("ne"),
  /** `y` where `x ≠ 0`, else input 2 */
  where: elementwise({ name: "where", arity: 3, value: select(x, y, input(2)) }),
};
