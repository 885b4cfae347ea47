/*
 * Elementwise expressions as source. GPUs may treat NaN and infinities as they like, and their functions are rough at the edges, so
 * everything that the contract promises is written out: NaN goes through, comparisons with it are false, and edges are chosen by comparison.
 */
import { type BinaryFunction, type Expression, expressions, type UnaryFunction } from "@squall/device";
import { type HelperFunction, literal } from "./source.ts";

function floats(name: string, parameters: string, body: string): HelperFunction {
  return {
    name,
    source: `function ${name}(${parameters}) { ${body} }`,
    argumentTypes: parameters.split(",").map(() => "Float" as const),
    returnType: "Float",
  };
}

const polynomial = (x: string, coefficients: readonly number[]): string =>
  coefficients.reduceRight((sum, each) => (sum === "" ? literal(each) : `(${literal(each)} + ${x} * ${sum})`), "");

/** Helpers by function, with those that they call before them. `nan` and `infinity` are arguments, since there are no such literals. */
const helpers = {
  exp: [floats("expOf", "x", "if (x == x) { return Math.exp(x); } return x;")],
  // Near 0 the difference would cancel, so a series takes over: up to x⁷/7! it is right to float32 for |x| < 0.3.
  expm1: [
    floats(
      "expm1Of",
      "x",
      `if (x > -0.3) { if (x < 0.3) { return x * ${polynomial("x", [1, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040])}; } } ` +
        "if (x == x) { return Math.exp(x) - 1.0; } return x;",
    ),
  ],
  log: [
    floats(
      "logOf",
      "x, nan, infinity",
      "if (x > 0.0) { return Math.log(x); } if (x == 0.0) { return -infinity; } if (x == x) { return nan; } return x;",
    ),
  ],
  // Near 0 by log(1 + x) = 2·artanh(x / (2 + x)).
  log1p: [
    floats("log1pSeries", "z", `return 2.0 * z * ${polynomial("(z * z)", [1, 1 / 3, 1 / 5, 1 / 7, 1 / 9])};`),
    floats(
      "log1pOf",
      "x, nan, infinity",
      "if (x > -0.3) { if (x < 0.4) { return log1pSeries(x / (2.0 + x)); } return Math.log(1.0 + x); } " +
        "if (x > -1.0) { return Math.log(1.0 + x); } if (x == -1.0) { return -infinity; } if (x == x) { return nan; } return x;",
    ),
  ],
  sqrt: [floats("sqrtOf", "x, nan", "if (x >= 0.0) { return Math.sqrt(x); } if (x == x) { return nan; } return x;")],
  // Beyond 9 it is 1 in float32, and some machines overflow there. Small values by the first terms of the series.
  tanh: [
    floats(
      "tanhOf",
      "x",
      "if (x > 9.0) { return 1.0; } if (x < -9.0) { return -1.0; } " +
        `if (x > -0.1) { if (x < 0.1) { return x * ${polynomial("(x * x)", [1, -1 / 3, 2 / 15, -17 / 315])}; } } ` +
        "if (x == x) { return 1.0 - 2.0 / (1.0 + Math.exp(2.0 * x)); } return x;",
    ),
  ],
  sigmoid: [floats("sigmoidOf", "x", "if (x == x) { return 1.0 / (1.0 + Math.exp(-x)); } return x;")],
  // Cody and Waite: x minus the nearest multiple of π/2, in three parts; then series for a quarter turn.
  sin: [
    floats("sineSeries", "r", `return r * ${polynomial("(r * r)", [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880])};`),
    floats("cosineSeries", "r", `return ${polynomial("(r * r)", [1, -1 / 2, 1 / 24, -1 / 720, 1 / 40320])};`),
    floats(
      "sineQuarter",
      "r, quarter",
      "if (quarter < 0.5) { return sineSeries(r); } if (quarter < 1.5) { return cosineSeries(r); } " +
        "if (quarter < 2.5) { return -sineSeries(r); } return -cosineSeries(r);",
    ),
    floats(
      "sineTurn",
      "x, k, shift",
      "return sineQuarter(((x - k * 1.5703125) - k * 0.00048351287841796875) - k * 0.00000031391647326, " +
        "(k + shift) - 4.0 * Math.floor((k + shift) / 4.0));",
    ),
    floats("sineOf", "x, shift", "return sineTurn(x, Math.floor(x * 0.6366197723675814 + 0.5), shift);"),
  ],
  round: [
    floats(
      "roundHalf",
      "x, low",
      "if (x - low > 0.5) { return low + 1.0; } if (x - low < 0.5) { return low; } return 2.0 * Math.floor((low + 1.0) / 2.0);",
    ),
    // From 2^23 on every float32 is whole; infinities and NaN come out as they are.
    floats(
      "roundOf",
      "x",
      "if (x > -8388608.0) { if (x < 8388608.0) { return roundHalf(x, Math.floor(x)); } } return x;",
    ),
  ],
  // Powers of negative numbers exist for whole exponents; small whole exponents are products, as exact as these can be.
  pow: [
    floats("powSign", "size, y", "if (y - 2.0 * Math.floor(y / 2.0) > 0.5) { return -size; } return size;"),
    floats(
      "powWhole",
      "x, y",
      "if (y == 1.0) { return x; } if (y == 2.0) { return x * x; } if (y == 3.0) { return x * x * x; } " +
        "if (y == 4.0) { return (x * x) * (x * x); } return Math.pow(x, y);",
    ),
    floats(
      "powSize",
      "x, y, infinity",
      "if (x > 0.0) { if (y < 0.0) { return 1.0 / powWhole(x, -y); } return powWhole(x, y); } if (y > 0.0) { return 0.0; } return infinity;",
    ),
    floats(
      "powOf",
      "x, y, nan, infinity",
      "if (y == 0.0) { return 1.0; } if (x == x) { if (y == y) { if (x >= 0.0) { return powSize(x, y, infinity); } " +
        "if (Math.floor(y) == y) { return powSign(powSize(-x, y, infinity), y); } return nan; } return y; } return x;",
    ),
  ],
} as const satisfies Readonly<Record<string, readonly HelperFunction[]>>;

type HelperName = keyof typeof helpers;

/** A value, or a condition that stands for 1 or 0. */
interface Emitted {
  readonly text: string;
  readonly isCondition: boolean;
}

/** What {@link emitExpressions} gives. */
export interface EmittedExpressions {
  /** Statements that compute what several expressions share. */
  readonly statements: readonly string[];
  /** The value of each expression. */
  readonly results: readonly string[];
  /** Functions that they call. */
  readonly helpers: readonly HelperFunction[];
  /** Whether they need the numbers `nan` and `infinity` as arguments. */
  readonly needsSpecials: boolean;
}

/**
 * Source of some expressions.
 * @param input - text of an input's element
 * @param scalar - text of a number given with the call
 */
export function emitExpressions(
  expressionList: readonly Expression[],
  input: (index: number) => string,
  scalar: (index: number) => string,
): EmittedExpressions {
  const statements: string[] = [];
  const used = new Set<HelperName>();
  let needsSpecials = false;
  const uses = countUses(expressionList);
  const done = new Map<Expression, Emitted>();

  const special = (name: "nan" | "infinity"): string => {
    needsSpecials = true;
    return name;
  };
  const call = (helper: HelperName, name: string, ...args: readonly string[]): string => {
    used.add(helper);
    return `${name}(${args.join(", ")})`;
  };
  const constant = (value: number): string => {
    if (Number.isNaN(value)) return special("nan");
    if (value === Number.POSITIVE_INFINITY) return special("infinity");
    return value === Number.NEGATIVE_INFINITY ? `(-${special("infinity")})` : literal(value);
  };
  const named = (text: string): string => {
    const name = `t${statements.length}`;
    statements.push(`const ${name} = ${text};`);
    return name;
  };
  const value = (e: Expression): string => {
    const { text, isCondition } = visit(e);
    return isCondition ? `(${text} ? 1.0 : 0.0)` : text;
  };
  /** A value that is written more than once. */
  const variable = (e: Expression): string => {
    const text = value(e);
    return /^\w+$/.test(text) ? text : named(text);
  };

  const unary = (fn: UnaryFunction, operand: Expression): string => {
    switch (fn) {
      case "neg":
        return `(-${value(operand)})`;
      case "abs":
        return `Math.abs(${value(operand)})`;
      case "sign": {
        const x = variable(operand);
        return `(${x} > 0.0 ? 1.0 : (${x} < 0.0 ? -1.0 : ${x}))`;
      }
      case "floor":
        return `Math.floor(${value(operand)})`;
      case "ceil":
        return `Math.ceil(${value(operand)})`;
      case "round":
        return call("round", "roundOf", value(operand));
      case "exp":
        return call("exp", "expOf", value(operand));
      case "expm1":
        return call("expm1", "expm1Of", value(operand));
      case "log":
        return call("log", "logOf", value(operand), special("nan"), special("infinity"));
      case "log1p":
        return call("log1p", "log1pOf", value(operand), special("nan"), special("infinity"));
      case "sqrt":
        return call("sqrt", "sqrtOf", value(operand), special("nan"));
      case "sin":
        return call("sin", "sineOf", value(operand), "0.0");
      case "cos":
        return call("sin", "sineOf", value(operand), "1.0");
      case "tanh":
        return call("tanh", "tanhOf", value(operand));
      case "sigmoid":
        return call("sigmoid", "sigmoidOf", value(operand));
    }
  };
  const binary = (fn: BinaryFunction, left: Expression, right: Expression): Emitted => {
    const plain = (text: string): Emitted => ({ text, isCondition: false });
    const condition = (text: string): Emitted => ({ text, isCondition: true });
    switch (fn) {
      case "add":
        return plain(`(${value(left)} + ${value(right)})`);
      case "sub":
        return plain(`(${value(left)} - ${value(right)})`);
      case "mul":
        return plain(`(${value(left)} * ${value(right)})`);
      case "div":
        return plain(`(${value(left)} / ${value(right)})`);
      case "pow":
        return plain(call("pow", "powOf", value(left), value(right), special("nan"), special("infinity")));
      case "max":
      case "min": {
        const [a, b] = [variable(left), variable(right)];
        const [strict, loose] = fn === "max" ? [">", ">="] : ["<", "<="];
        // With a NaN on either side both comparisons fail, and the sum is NaN.
        return plain(`(${a} ${strict} ${b} ? ${a} : (${b} ${loose} ${a} ? ${b} : ${a} + ${b}))`);
      }
      case "lt":
        return condition(`(${value(left)} < ${value(right)})`);
      case "le":
        return condition(`(${value(left)} <= ${value(right)})`);
      case "gt":
        return condition(`(${value(left)} > ${value(right)})`);
      case "ge":
        return condition(`(${value(left)} >= ${value(right)})`);
      case "eq":
        return condition(`(${value(left)} == ${value(right)})`);
      case "ne":
        return plain(`(${value(left)} == ${value(right)} ? 0.0 : 1.0)`);
    }
  };
  const emit = (e: Expression): Emitted => {
    switch (e.kind) {
      case "input":
        return { text: input(e.index), isCondition: false };
      case "scalar":
        return { text: scalar(e.index), isCondition: false };
      case "constant":
        return { text: constant(e.value), isCondition: false };
      case "unary":
        return { text: unary(e.fn, e.operand), isCondition: false };
      case "binary":
        return binary(e.fn, e.left, e.right);
      case "select": {
        const { text, isCondition } = visit(e.condition);
        const [whenTrue, whenFalse] = [value(e.whenTrue), value(e.whenFalse)];
        return {
          // A NaN is not 0.
          text: isCondition
            ? `(${text} ? ${whenTrue} : ${whenFalse})`
            : `(${text} == 0.0 ? ${whenFalse} : ${whenTrue})`,
          isCondition: false,
        };
      }
    }
  };
  const visit = (e: Expression): Emitted => {
    const known = done.get(e);
    if (known !== undefined) return known;
    let made = emit(e);
    const isLeaf = e.kind === "scalar" || e.kind === "constant";
    if ((uses.get(e) ?? 0) > 1 && !isLeaf && !made.isCondition) {
      made = { text: named(made.text), isCondition: false };
    }
    done.set(e, made);
    return made;
  };

  const results = expressionList.map(value);
  return { statements, results, helpers: [...used].flatMap((name) => helpers[name]), needsSpecials };
}

/** How often each node is an operand or a result. */
function countUses(roots: readonly Expression[]): Map<Expression, number> {
  const uses = new Map<Expression, number>();
  const visit = (e: Expression): void => {
    const before = uses.get(e) ?? 0;
    uses.set(e, before + 1);
    if (before > 0) return;
    for (const operand of expressions.operandsOf(e)) visit(operand);
  };
  for (const root of roots) visit(root);
  return uses;
}
