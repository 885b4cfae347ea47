import { expressions as e, elementwise } from "@squall/device";
import type { Tensor, TensorOrNumber } from "@squall/tensor";
import * as ops from "@squall/tensor";
import fc from "fast-check";
import { broadcastableShapes, type ShapeConstraints, shapes } from "../arbitraries/shapes.ts";
import { awayFrom, type TensorConstraints, tensors } from "../arbitraries/tensors.ts";
import { numbers, row, type Sample, type SampleExtras } from "./sample.ts";

const small: ShapeConstraints = { minSize: 0, maxSize: 3 };

function unary(name: string, fn: (x: Tensor) => Tensor, values: TensorConstraints = {}): Sample {
  return row(name, tensors(shapes(small), values), (x) => ({ label: "", inputs: [x], apply: (a) => fn(a) }));
}

interface Operands {
  readonly left?: TensorConstraints;
  readonly right?: TensorConstraints;
}

function kept(values: TensorConstraints = {}): fc.Arbitrary<number> {
  const { low = -2, high = 2, keep = () => true } = values;
  return numbers(low, high).filter(keep);
}

/** Two tensors that broadcast, a tensor and a number, a number and a tensor. */
function binary(
  name: string,
  fn: (a: TensorOrNumber, b: TensorOrNumber) => Tensor,
  { left = {}, right = {} }: Operands = {},
  extras: SampleExtras = {},
): Sample[] {
  const pairs = broadcastableShapes(small).chain(([a = [], b = []]) => fc.tuple(tensors(a, left), tensors(b, right)));
  return [
    row(name, pairs, ([x, y]) => ({ label: "tensor, tensor", inputs: [x, y], apply: (a, b) => fn(a, b) }), extras),
    row(
      `${name} (number right)`,
      fc.tuple(tensors(shapes(small), left), kept(right)),
      ([x, n]) => ({ label: `tensor, ${n}`, inputs: [x], apply: (a) => fn(a, n) }),
      extras,
    ),
    row(
      `${name} (number left)`,
      fc.tuple(kept(left), tensors(shapes(small), right)),
      ([n, y]) => ({ label: `${n}, tensor`, inputs: [y], apply: (b) => fn(n, b) }),
      extras,
    ),
  ];
}

const positive: TensorConstraints = { low: 0.2, high: 3 };
const nonzero: TensorConstraints = { keep: awayFrom([0], 0.3) };
const smooth: TensorConstraints = { keep: awayFrom([0]) };
const betweenWholes: TensorConstraints = { keep: awayFrom([-2, -1, 0, 1, 2]) };
const betweenHalves: TensorConstraints = { keep: awayFrom([-1.5, -0.5, 0.5, 1.5]) };
/** Never equal: fractions below 0.4 on the left, above 0.5 on the right. */
const untied: Operands = {
  left: { keep: (value) => value - Math.floor(value) < 0.4 },
  right: { keep: (value) => value - Math.floor(value) > 0.5 && value - Math.floor(value) < 0.9 },
};

const unaryRows: readonly Sample[] = [
  unary("neg", ops.neg),
  unary("abs", ops.abs, smooth),
  unary("sign", ops.sign, smooth),
  unary("exp", ops.exp),
  unary("expm1", ops.expm1),
  unary("log", ops.log, positive),
  unary("log1p", ops.log1p, { low: -0.7, high: 3 }),
  unary("sqrt", ops.sqrt, positive),
  unary("sin", ops.sin, { low: -4, high: 4 }),
  unary("cos", ops.cos, { low: -4, high: 4 }),
  unary("tanh", ops.tanh),
  unary("sigmoid", ops.sigmoid, { low: -4, high: 4 }),
  unary("floor", ops.floor, betweenWholes),
  unary("ceil", ops.ceil, betweenWholes),
  unary("round", ops.round, betweenHalves),
  unary("square", ops.square),
  unary("reciprocal", ops.reciprocal, nonzero),
  unary("relu", ops.relu, smooth),
  unary("softplus", ops.softplus, { low: -4, high: 4 }),
  unary("silu", ops.silu, { low: -4, high: 4 }),
];

const withArguments: readonly Sample[] = [
  row("leakyRelu", fc.tuple(tensors(shapes(small), smooth), numbers(-0.5, 0.5)), ([x, slope]) => ({
    label: `slope ${slope}`,
    inputs: [x],
    apply: (a) => ops.leakyRelu(a, slope),
  })),
  row("elu", fc.tuple(tensors(shapes(small), smooth), numbers(0.25, 2)), ([x, alpha]) => ({
    label: `alpha ${alpha}`,
    inputs: [x],
    apply: (a) => ops.elu(a, alpha),
  })),
  row(
    "clamp",
    fc.tuple(
      tensors(shapes(small), { keep: awayFrom([-1, 0.5]) }),
      fc.constantFrom<readonly [number | undefined, number | undefined]>([-1, 0.5], [undefined, 0.5], [-1, undefined]),
    ),
    ([x, [min, max]]) => ({ label: `${min} to ${max}`, inputs: [x], apply: (a) => ops.clamp(a, min, max) }),
  ),
  row(
    "where",
    broadcastableShapes(small, 3).chain(([c = [], a = [], b = []]) =>
      fc.tuple(tensors(c, { requiresGrad: false }), tensors(a), tensors(b)),
    ),
    ([condition, x, y]) => ({
      label: "tensor, tensor",
      inputs: [condition, x, y],
      apply: (c, a, b) => ops.where(ops.gt(c, 0), a, b),
    }),
  ),
  row(
    "where (number)",
    fc.tuple(
      broadcastableShapes(small).chain(([c = [], a = []]) => fc.tuple(tensors(c, { requiresGrad: false }), tensors(a))),
      numbers(-2, 2),
      fc.boolean(),
    ),
    ([[condition, x], n, left]) => ({
      label: left ? `${n}, tensor` : `tensor, ${n}`,
      inputs: [condition, x],
      apply: (c, a) => (left ? ops.where(ops.gt(c, 0), n, a) : ops.where(ops.gt(c, 0), a, n)),
    }),
  ),
];

/** A function that the table lacks: `x·sin(s·y) + y²/(1 + x²)`. */
const ownFunction = elementwise({
  name: "ownFunction",
  arity: 2,
  value: e.add(
    e.mul(e.input(0), e.unary("sin", e.mul(e.scalar(0), e.input(1)))),
    e.div(e.mul(e.input(1), e.input(1)), e.add(1, e.mul(e.input(0), e.input(0)))),
  ),
});

const own = row(
  "applyElementwise",
  fc.tuple(
    broadcastableShapes(small).chain(([a = [], b = []]) => fc.tuple(tensors(a), tensors(b))),
    numbers(-1, 1),
  ),
  ([[x, y], s]) => ({
    label: `s = ${s}`,
    inputs: [x, y],
    apply: (a, b) => ops.applyElementwise(ownFunction, [a, b], [s]),
  }),
);

/** Values are rounded first, so that equal ones are common; no gradient comes through. */
function comparison(name: string, fn: (a: TensorOrNumber, b: TensorOrNumber) => Tensor): Sample[] {
  const rounded = (x: TensorOrNumber): TensorOrNumber => (typeof x === "number" ? Math.round(x) : ops.round(x));
  return binary(name, (a, b) => fn(rounded(a), rounded(b)), {}, { differentiable: false });
}

/** Rows of elementwise functions. */
export const elementwiseSamples: readonly Sample[] = [
  ...unaryRows,
  ...withArguments,
  own,
  ...binary("add", ops.add),
  ...binary("sub", ops.sub),
  ...binary("mul", ops.mul),
  ...binary("div", ops.div, { right: nonzero }),
  ...binary("pow", ops.pow, { left: positive }),
  ...binary("maximum", ops.maximum, untied),
  ...binary("minimum", ops.minimum, untied),
  ...comparison("lt", ops.lt),
  ...comparison("le", ops.le),
  ...comparison("gt", ops.gt),
  ...comparison("ge", ops.ge),
  ...comparison("eq", ops.eq),
  ...comparison("ne", ops.ne),
];
