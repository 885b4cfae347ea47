/*
 * Whole numbers in kernels. gpu.js keeps every variable of a kernel in float32, divides in float32 and has no integer division, so
 * positions beyond 2^24 would be rounded in silence. What stays whole is: the number of the thread, counters of loops with literal bounds,
 * and arguments and results of helper functions declared `Integer`. Positions are therefore written as expressions over those,
 * never as variables; and they are divided by a helper that corrects the float quotient until it is exact.
 */
import type { HelperFunction } from "./source.ts";

function integers(name: string, source: string): HelperFunction {
  const count = source.slice(source.indexOf("(") + 1, source.indexOf(")")).split(",").length;
  return {
    name,
    source,
    argumentTypes: Array.from({ length: count }, () => "Integer" as const),
    returnType: "Integer",
  };
}

/**
 * `quotient(a, b)`: the whole part of a / b, exact for 0 <= a < 2^30 and b >= 1. The first quotient is off by at most 2^-22 of itself, the
 * second by at most one, whatever the rounding of the machine's division; comparisons settle the rest.
 */
export const divisionHelpers: readonly HelperFunction[] = [
  {
    name: "wholePart",
    source: "function wholePart(x) { return Math.floor(x); }",
    argumentTypes: ["Float"],
    returnType: "Integer",
  },
  integers(
    "quotientLast",
    "function quotientLast(r, b, q) { if (r < 0) { return q - 1; } if (r >= b) { return q + 1; } return q; }",
  ),
  integers("quotientSum", "function quotientSum(a, b, q) { return quotientLast(a - q * b, b, q); }"),
  integers("quotientNear", "function quotientNear(a, b, q, more) { return quotientSum(a, b, q + more); }"),
  integers(
    "quotientFrom",
    "function quotientFrom(a, b, q) { return quotientNear(a, b, q, wholePart((a - q * b + 0.5) / b)); }",
  ),
  integers("quotient", "function quotient(a, b) { return quotientFrom(a, b, wholePart(a / b)); }"),
];

/** An integer helper of a kernel's own. */
export function integerHelper(name: string, parameters: readonly string[], result: string): HelperFunction {
  return integers(name, `function ${name}(${parameters.join(", ")}) { return ${result}; }`);
}

/** A helper that chooses. Not by `?:`, which gpu.js makes a float of two literals. @param condition - over the parameters */
export function integerChoice(
  name: string,
  parameters: readonly string[],
  condition: string,
  whenTrue: string,
  whenFalse: string,
): HelperFunction {
  const body = `if (${condition}) { return ${whenTrue}; } return ${whenFalse};`;
  return integers(name, `function ${name}(${parameters.join(", ")}) { ${body} }`);
}

/**
 * A helper `name(i)` that turns a position in a row-major block into a position elsewhere: `offset + Σ index[axis]·strides[axis]`.
 * Axes along which the strides continue each other become one, so that a contiguous block costs nothing.
 * @returns the expression to write for the position of `i`, and the helpers it needs
 */
export function stridedPosition(
  name: string,
  i: string,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): { readonly position: string; readonly helpers: readonly HelperFunction[] } {
  const axes = mergeAxes(shape, strides);
  const plus = (text: string): string => (offset === 0 ? text : `(${text} + ${offset})`);
  const [only] = axes;
  if (axes.length === 0 || axes.every(({ stride }) => stride === 0)) return { position: `${offset}`, helpers: [] };
  if (axes.length === 1 && only !== undefined && only.stride > 0) {
    return { position: plus(only.stride === 1 ? i : `(${i} * ${only.stride})`), helpers: [] };
  }
  // name(i) = next(i, i / inner): the last axis takes the rest, the others the quotient.
  const helpers: HelperFunction[] = [...divisionHelpers];
  const last = axes.length - 1;
  const nameOf = (level: number): string => (level === last ? name : `${name}${level}`);
  axes.forEach(({ size, stride }, level) => {
    const at = nameOf(level);
    if (level === 0) {
      helpers.push(integerHelper(at, ["i"], term("i", stride)));
      return;
    }
    const rest = `${at}Split`;
    helpers.push(
      integerHelper(rest, ["i", "q"], `${nameOf(level - 1)}(q) + ${term(`(i - q * ${size})`, stride)}`),
      integerHelper(at, ["i"], `${rest}(i, quotient(i, ${size}))`),
    );
  });
  return { position: plus(`${name}(${i})`), helpers };
}

function term(index: string, stride: number): string {
  if (stride === 0) return "0";
  if (stride === 1) return index;
  return stride > 0 ? `${index} * ${stride}` : `(0 - ${index} * ${-stride})`;
}

/** An axis of a strided block. */
export interface StridedAxis {
  readonly size: number;
  readonly stride: number;
}

/** The axes of a strided block, outermost first, without those of size 1 and with those merged that continue each other. */
export function mergeAxes(shape: readonly number[], strides: readonly number[]): StridedAxis[] {
  const merged: StridedAxis[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const stride = strides[axis] ?? 0;
    const before = merged.at(-1);
    if (before !== undefined && before.stride === stride * size) {
      merged[merged.length - 1] = { size: before.size * size, stride };
    } else {
      merged.push({ size, stride });
    }
  });
  return merged;
}

/** `whole(x)`: a small whole number that is kept in a variable, as an integer again. */
export const wholeHelper: HelperFunction = {
  name: "whole",
  source: "function whole(x) { return Math.floor(x + 0.5); }",
  argumentTypes: ["Float"],
  returnType: "Integer",
};
