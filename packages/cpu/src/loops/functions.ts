import type { BinaryFunction, UnaryFunction } from "@squall/device";

type UnaryLoop = (out: Float64Array, x: Float64Array, n: number) => void;
type BinaryLoop = (out: Float64Array, a: Float64Array, b: Float64Array, n: number) => void;

/** The nearest whole number, halves to the even one. */
function round(x: number): number {
  const near = Math.round(x);
  // Math.round sends halves up; an odd result of a half belongs one lower.
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

/** `1 / (1 + e⁻ˣ)`. Stable for every input: the exponential overflows to Infinity only where the quotient is 0. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Each unary function over a block. One loop per function, so that each is compiled for itself. */
export const unaryLoops: Readonly<Record<UnaryFunction, UnaryLoop>> = {
  neg(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = -x[i];
  },
  abs(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.abs(x[i]);
  },
  sign(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.sign(x[i]);
  },
  exp(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.exp(x[i]);
  },
  expm1(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.expm1(x[i]);
  },
  log(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.log(x[i]);
  },
  log1p(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.log1p(x[i]);
  },
  sqrt(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.sqrt(x[i]);
  },
  sin(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.sin(x[i]);
  },
  cos(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.cos(x[i]);
  },
  tanh(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.tanh(x[i]);
  },
  sigmoid(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = sigmoid(x[i]);
  },
  floor(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.floor(x[i]);
  },
  ceil(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = Math.ceil(x[i]);
  },
  round(out, x, n) {
    for (let i = 0; i < n; i++) out[i] = round(x[i]);
  },
};

/** Each binary function over a block. */
export const binaryLoops: Readonly<Record<BinaryFunction, BinaryLoop>> = {
  add(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] + b[i];
  },
  sub(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] - b[i];
  },
  mul(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] * b[i];
  },
  div(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] / b[i];
  },
  pow(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] ** b[i];
  },
  // Math.max and Math.min give NaN if either side is.
  max(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = Math.max(a[i], b[i]);
  },
  min(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = Math.min(a[i], b[i]);
  },
  lt(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] < b[i] ? 1 : 0;
  },
  le(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] <= b[i] ? 1 : 0;
  },
  gt(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] > b[i] ? 1 : 0;
  },
  ge(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] >= b[i] ? 1 : 0;
  },
  eq(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] === b[i] ? 1 : 0;
  },
  ne(out, a, b, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] !== b[i] ? 1 : 0;
  },
};

/** `condition ≠ 0 ? a : b` over a block. NaN is not 0. */
export function selectLoop(
  out: Float64Array,
  condition: Float64Array,
  a: Float64Array,
  b: Float64Array,
  n: number,
): void {
  for (let i = 0; i < n; i++) out[i] = condition[i] !== 0 ? a[i] : b[i];
}
