import type { BinaryFunction, Expression, UnaryFunction } from "@squall/device";

const unary: Record<UnaryFunction, (x: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  floor: Math.floor,
  ceil: Math.ceil,
  round: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
};

const binary: Record<BinaryFunction, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  max: Math.max,
  min: Math.min,
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
};

/** The value of an expression: the shortest device there is. */
export function evaluate(e: Expression, inputs: readonly number[], scalars: readonly number[] = []): number {
  const value = (operand: Expression): number => evaluate(operand, inputs, scalars);
  switch (e.kind) {
    case "input":
      return inputs[e.index];
    case "scalar":
      return scalars[e.index];
    case "constant":
      return e.value;
    case "unary":
      return unary[e.fn](value(e.operand));
    case "binary":
      return binary[e.fn](value(e.left), value(e.right));
    case "select":
      return value(e.condition) !== 0 ? value(e.whenTrue) : value(e.whenFalse);
  }
}
