/**
 * Elementwise functions as data. An expression is a small tree over inputs, scalars and constants; every device derives its code from it
 * (loops, WebAssembly, GPU kernels), and `derivative` derives its gradient.
 */

/** Functions of one number. `round` goes to the nearest whole number, halves to the even one; `sign(0)` is 0. */
export type UnaryFunction =
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
  | "round";

/** Functions of two numbers. Comparisons give 1 or 0; `max` and `min` give NaN if either side is NaN. */
export type BinaryFunction =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "max"
  | "min"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "eq"
  | "ne";

/** A tree of elementwise arithmetic, told apart by `kind`. Trees are immutable and may share subtrees. */
export type Expression =
  | {
      /** An element of an input tensor. */
      readonly kind: "input";
      /** Which input, counted from 0. */
      readonly index: number;
    }
  | {
      /** A number given with the call, such as a learning rate. */
      readonly kind: "scalar";
      /** Which of the numbers, counted from 0. */
      readonly index: number;
    }
  | {
      /** A number that never changes. */
      readonly kind: "constant";
      /** The number. */
      readonly value: number;
    }
  | {
      /** A function of one operand. */
      readonly kind: "unary";
      /** The function. */
      readonly fn: UnaryFunction;
      /** What it is applied to. */
      readonly operand: Expression;
    }
  | {
      /** A function of two operands. */
      readonly kind: "binary";
      /** The function. */
      readonly fn: BinaryFunction;
      /** Its first operand. */
      readonly left: Expression;
      /** Its second operand. */
      readonly right: Expression;
    }
  | {
      /** A choice between two values, see {@link select}. */
      readonly kind: "select";
      /** Not 0 where `whenTrue` is taken. */
      readonly condition: Expression;
      /** The value where the condition is not 0. */
      readonly whenTrue: Expression;
      /** The value where the condition is 0. */
      readonly whenFalse: Expression;
    };

/** An expression or a number that stands for itself. */
export type Operand = Expression | number;

function lift(operand: Operand): Expression {
  return typeof operand === "number" ? { kind: "constant", value: operand } : operand;
}

function isConstant(e: Expression, value: number): boolean {
  return e.kind === "constant" && e.value === value;
}

/** The `index`-th tensor. */
export function input(index: number): Expression {
  return { kind: "input", index };
}

/** The `index`-th number given with the call. */
export function scalar(index: number): Expression {
  return { kind: "scalar", index };
}

/** A function of one number. */
export function unary(fn: UnaryFunction, operand: Operand): Expression {
  return { kind: "unary", fn, operand: lift(operand) };
}

/** A function of two numbers. */
export function binary(fn: BinaryFunction, left: Operand, right: Operand): Expression {
  return { kind: "binary", fn, left: lift(left), right: lift(right) };
}

/** `left + right` */
export function add(left: Operand, right: Operand): Expression {
  const [a, b] = [lift(left), lift(right)];
  if (isConstant(a, 0)) return b;
  return isConstant(b, 0) ? a : binary("add", a, b);
}

/** `left - right` */
export function sub(left: Operand, right: Operand): Expression {
  return isConstant(lift(right), 0) ? lift(left) : binary("sub", left, right);
}

/** `left · right`; a constant 0 on either side gives 0, which only ever happens in derivatives. */
export function mul(left: Operand, right: Operand): Expression {
  const [a, b] = [lift(left), lift(right)];
  if (isConstant(a, 1)) return b;
  if (isConstant(b, 1)) return a;
  return isConstant(a, 0) || isConstant(b, 0) ? lift(0) : binary("mul", a, b);
}

/** `left / right` */
export function div(left: Operand, right: Operand): Expression {
  return isConstant(lift(right), 1) ? lift(left) : binary("div", left, right);
}

/** `-operand` */
export function neg(operand: Operand): Expression {
  return isConstant(lift(operand), 0) ? lift(0) : unary("neg", operand);
}

/** `condition ≠ 0 ? whenTrue : whenFalse`, elementwise; the side not taken never matters, not even as NaN. */
export function select(condition: Operand, whenTrue: Operand, whenFalse: Operand): Expression {
  const [a, b] = [lift(whenTrue), lift(whenFalse)];
  if (a.kind === "constant" && b.kind === "constant" && a.value === b.value) return a;
  return { kind: "select", condition: lift(condition), whenTrue: a, whenFalse: b };
}

/** The direct operands of a node. */
export function operandsOf(e: Expression): readonly Expression[] {
  switch (e.kind) {
    case "unary":
      return [e.operand];
    case "binary":
      return [e.left, e.right];
    case "select":
      return [e.condition, e.whenTrue, e.whenFalse];
    default:
      return [];
  }
}

/** The indices of the inputs that an expression reads, ascending. */
export function inputsOf(e: Expression): number[] {
  const found = new Set<number>();
  const seen = new Set<Expression>();
  const visit = (node: Expression): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.kind === "input") found.add(node.index);
    for (const operand of operandsOf(node)) visit(operand);
  };
  visit(e);
  return [...found].sort((a, b) => a - b);
}

/** The same expression over other inputs: input `i` becomes `replacements(i)`. */
export function substitute(e: Expression, replacement: (index: number) => Expression): Expression {
  const done = new Map<Expression, Expression>();
  const visit = (node: Expression): Expression => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const made = rebuild(node);
    done.set(node, made);
    return made;
  };
  const rebuild = (node: Expression): Expression => {
    switch (node.kind) {
      case "input":
        return replacement(node.index);
      case "unary":
        return { ...node, operand: visit(node.operand) };
      case "binary":
        return { ...node, left: visit(node.left), right: visit(node.right) };
      case "select":
        return {
          ...node,
          condition: visit(node.condition),
          whenTrue: visit(node.whenTrue),
          whenFalse: visit(node.whenFalse),
        };
      default:
        return node;
    }
  };
  return visit(e);
}
