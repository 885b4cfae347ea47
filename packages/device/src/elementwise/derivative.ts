import {
  add,
  type BinaryFunction,
  binary,
  div,
  type Expression,
  mul,
  neg,
  operandsOf,
  select,
  sub,
  type UnaryFunction,
  unary,
} from "./expression.ts";

/** Gradient of `fn(x)` times `g`, given `y = fn(x)`; `undefined` where it is zero everywhere. */
const unaryRules: Record<UnaryFunction, (g: Expression, x: Expression, y: Expression) => Expression | undefined> = {
  neg: (g) => neg(g),
  abs: (g, x) => mul(g, unary("sign", x)),
  sign: () => undefined,
  exp: (g, _x, y) => mul(g, y),
  expm1: (g, _x, y) => mul(g, add(y, 1)),
  log: (g, x) => div(g, x),
  log1p: (g, x) => div(g, add(x, 1)),
  sqrt: (g, _x, y) => div(g, mul(2, y)),
  sin: (g, x) => mul(g, unary("cos", x)),
  cos: (g, x) => neg(mul(g, unary("sin", x))),
  tanh: (g, _x, y) => mul(g, sub(1, mul(y, y))),
  sigmoid: (g, _x, y) => mul(g, mul(y, sub(1, y))),
  floor: () => undefined,
  ceil: () => undefined,
  round: () => undefined,
};

type Pair = readonly [left: Expression | undefined, right: Expression | undefined];

/** Half of the gradient goes to each side of a tie, as in PyTorch. */
function shareOfWinner(g: Expression, won: Expression, tied: Expression): Expression {
  return select(won, g, select(tied, mul(g, 0.5), 0));
}

/** Gradients of `fn(a, b)` times `g`, given `y = fn(a, b)`. */
const binaryRules: Record<BinaryFunction, (g: Expression, a: Expression, b: Expression, y: Expression) => Pair> = {
  add: (g) => [g, g],
  sub: (g) => [g, neg(g)],
  mul: (g, a, b) => [mul(g, b), mul(g, a)],
  div: (g, _a, b, y) => [div(g, b), neg(div(mul(g, y), b))],
  // At a base of 0 the plain formulas give 0·∞; PyTorch's conventions are zero there. Only there: at other bases the formula also has to
  // hold the slope along the exponent.
  pow: (g, a, b, y) => [
    select(mul(binary("eq", a, 0), binary("eq", b, 0)), 0, mul(g, mul(b, binary("pow", a, sub(b, 1))))),
    select(binary("eq", y, 0), 0, mul(g, mul(y, unary("log", a)))),
  ],
  max: (g, a, b) => [
    shareOfWinner(g, binary("gt", a, b), binary("eq", a, b)),
    shareOfWinner(g, binary("gt", b, a), binary("eq", a, b)),
  ],
  min: (g, a, b) => [
    shareOfWinner(g, binary("lt", a, b), binary("eq", a, b)),
    shareOfWinner(g, binary("lt", b, a), binary("eq", a, b)),
  ],
  lt: () => [undefined, undefined],
  le: () => [undefined, undefined],
  gt: () => [undefined, undefined],
  ge: () => [undefined, undefined],
  eq: () => [undefined, undefined],
  ne: () => [undefined, undefined],
};

/** Gradients of a node's operands, in the order of {@link operandsOf}. */
function operandGradients(node: Expression, g: Expression): readonly (Expression | undefined)[] {
  switch (node.kind) {
    case "unary":
      return [unaryRules[node.fn](g, node.operand, node)];
    case "binary":
      return binaryRules[node.fn](g, node.left, node.right, node);
    case "select":
      return [undefined, select(node.condition, g, 0), select(node.condition, 0, g)];
    default:
      return [];
  }
}

/** All nodes below `e`, operands before users. */
function topological(e: Expression): Expression[] {
  const order: Expression[] = [];
  const seen = new Set<Expression>();
  const visit = (node: Expression): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const operand of operandsOf(node)) visit(operand);
    order.push(node);
  };
  visit(e);
  return order;
}

/**
 * Reverse-mode gradient of an expression: for each input that it depends on, the gradient when the expression's own is `g`.
 * Inputs with a gradient of zero everywhere are absent.
 */
export function derivative(e: Expression, g: Expression): Map<number, Expression> {
  const adjoints = new Map<Expression, Expression>([[e, g]]);
  const gradients = new Map<number, Expression>();
  for (const node of topological(e).reverse()) {
    const adjoint = adjoints.get(node);
    if (adjoint === undefined) continue;
    if (node.kind === "input") {
      const known = gradients.get(node.index);
      gradients.set(node.index, known === undefined ? adjoint : add(known, adjoint));
    }
    const operands = operandsOf(node);
    for (const [k, gradient] of operandGradients(node, adjoint).entries()) {
      const operand = operands[k];
      if (gradient === undefined || operand === undefined) continue;
      const known = adjoints.get(operand);
      adjoints.set(operand, known === undefined ? gradient : add(known, gradient));
    }
  }
  return gradients;
}
