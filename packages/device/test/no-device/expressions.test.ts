import { derivative, type Expression, elementwise, functions, expressions as x } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate } from "../evaluate.ts";

const smooth = fc.constantFrom("neg", "exp", "expm1", "sin", "cos", "tanh", "sigmoid", "abs", "sign", "round");
const arithmetic = fc.constantFrom("add", "sub", "mul", "max", "min", "lt", "ge");

/** Expressions over inputs 0 to 2 and one scalar, that stay away from poles: what is divided by or rooted is at least a half. */
const { tree } = fc.letrec<{ tree: Expression; positive: Expression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthIdentifier: "expression" },
    fc.nat({ max: 2 }).map(x.input),
    fc.constant(x.scalar(0)),
    fc.integer({ min: -4, max: 4 }).map((n): Expression => ({ kind: "constant", value: n / 2 })),
    fc.tuple(smooth, tie("tree")).map(([fn, e]) => x.unary(fn, e)),
    fc.tuple(arithmetic, tie("tree"), tie("tree")).map(([fn, a, b]) => x.binary(fn, a, b)),
    fc.tuple(tie("tree"), tie("positive")).map(([a, b]) => x.div(a, b)),
    fc.tuple(tie("positive"), tie("tree")).map(([a, b]) => x.binary("pow", a, x.unary("sin", b))),
    fc.tuple(fc.constantFrom("log", "sqrt", "log1p"), tie("positive")).map(([fn, e]) => x.unary(fn, e)),
    fc.tuple(tie("tree"), tie("tree"), tie("tree")).map(([c, a, b]) => x.select(x.binary("gt", c, 0), a, b)),
  ),
  positive: tie("tree").map((e) => x.add(x.unary("abs", e), 0.5)),
}));

/** Numbers that are no constant of the trees, none of another column, and not 0: where a function jumps at one point, no step size tells. */
const valueIn = (column: number): fc.Arbitrary<number> =>
  fc.integer({ min: -1000, max: 1000 }).map((n) => (n + 0.37 + 0.11 * column) / 501);
const value = valueIn(3);
const points = fc.tuple(valueIn(0), valueIn(1), valueIn(2));

/** The derivative by central differences; `undefined` at kinks and where the function is too steep to tell. */
function slope(f: (v: number) => number, at: number): number | undefined {
  const h = 1e-5;
  const [low, mid, high] = [f(at - h), f(at), f(at + h)];
  const central = (high - low) / (2 * h);
  const [left, right] = [(mid - low) / h, (high - mid) / h];
  const coarse = (f(at + 4 * h) - f(at - 4 * h)) / (8 * h);
  const size = 1 + Math.abs(central);
  // A kink of this size moves the central difference by half of it: less than what is allowed below.
  const isSmooth = Math.abs(left - right) < 5e-4 * size && Math.abs(coarse - central) < 5e-4 * size;
  return isSmooth && Math.abs(mid) < 1e4 && Math.abs(central) < 1e4 ? central : undefined;
}

describe("derivative", () => {
  it("agrees with finite differences, for every input of generated expressions", () => {
    let compared = 0;
    fc.assert(
      fc.property(tree, points, value, value, (e, point, s, g) => {
        const gradients = derivative(e, x.input(3));
        for (const k of point.keys()) {
          const numerical = slope((v) => evaluate(e, point.with(k, v), [s]), point[k]);
          if (numerical === undefined) continue;
          compared++;
          const expression = gradients.get(k);
          const analytical = expression === undefined ? 0 : evaluate(expression, [...point, g], [s]);
          expect(Math.abs(analytical - g * numerical)).toBeLessThan(1e-3 * (1 + Math.abs(g * numerical)));
        }
      }),
      { numRuns: 2000 },
    );
    expect(compared).toBeGreaterThan(2000);
  });

  it("adds up the ways in which an input is used, also through shared subtrees", () => {
    const shared = x.mul(x.input(0), x.input(0));
    const gradient = derivative(x.add(shared, x.mul(shared, x.input(0))), x.input(1)).get(0);
    // x² + x³
    expect(gradient && evaluate(gradient, [2, 1])).toBe(4 + 12);
  });

  it("leaves out inputs that do not matter", () => {
    expect([...derivative(x.unary("floor", x.input(0)), x.input(1)).keys()]).toEqual([]);
    expect([...derivative(x.binary("lt", x.input(0), x.input(1)), x.input(2)).keys()]).toEqual([]);
    expect([...derivative(x.select(x.input(0), x.input(1), 2), x.input(2)).keys()]).toEqual([1]);
  });
});

describe("elementwise", () => {
  it("derives gradient functions whose gradients are right again", () => {
    let compared = 0;
    fc.assert(
      fc.property(tree, points, value, value, (e, point, s, g) => {
        const fn = elementwise({ name: "generated", arity: 3, value: e });
        const read = (operand: number | "output" | "gradient", at: readonly number[], upstream: number): number => {
          if (operand === "gradient") return upstream;
          return operand === "output" ? evaluate(e, at, [s]) : at[operand];
        };
        for (const k of point.keys()) {
          const first = fn.gradient(k);
          if (first === undefined) continue;
          const values = first.operands.map((operand) => read(operand, point, g));
          for (const [j, operand] of first.operands.entries()) {
            // As a function of its own operands, whatever they stand for.
            const numerical = slope((v) => evaluate(first.fn.value, values.with(j, v), [s]), values[j]);
            if (numerical === undefined) continue;
            compared++;
            const second = first.fn.gradient(j);
            const analytical =
              second === undefined
                ? 0
                : evaluate(
                    second.fn.value,
                    second.operands.map((o) => {
                      if (o === "gradient") return 1;
                      return o === "output" ? evaluate(first.fn.value, values, [s]) : values[o];
                    }),
                    [s],
                  );
            expect(Math.abs(analytical - numerical), `operand ${operand}`).toBeLessThan(
              1e-3 * (1 + Math.abs(numerical)),
            );
          }
        }
      }),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  it("reads only what a gradient needs", () => {
    expect(functions.exp.gradient(0)?.operands).toEqual(["output", "gradient"]);
    expect(functions.add.gradient(1)?.operands).toEqual(["gradient"]);
    expect(functions.mul.gradient(0)?.operands).toEqual([1, "gradient"]);
    expect(functions.floor.gradient(0)).toBeUndefined();
    expect(functions.where.gradient(0)).toBeUndefined();
  });

  it("takes a constant 0 for no gradient", () => {
    const fn = elementwise({ name: "zero", arity: 1, value: x.binary("mul", x.input(0), 0) });
    expect(fn.gradient(0)).toBeUndefined();
  });

  it("derives each gradient once", () => {
    expect(functions.tanh.gradient(0)).toBe(functions.tanh.gradient(0));
  });

  it("has one name per row that errors can show", () => {
    expect(functions.maximum.name).toBe("maximum");
    for (const [key, row] of Object.entries(functions)) {
      expect(row.arity).toBe(x.inputsOf(row.value).length);
      expect(row.name.length, key).toBeGreaterThan(0);
    }
  });
});

describe("the table's own gradients", () => {
  it.each(Object.entries(functions).filter(([, fn]) => fn.differentiable))(
    "of %s agree with finite differences",
    (_, fn) => {
      const positive = fc.integer({ min: 100, max: 1000 }).map((n) => n / 501);
      let compared = 0;
      fc.assert(
        fc.property(fc.tuple(positive, positive, positive), (point) => {
          const scalars = [0.25, 1.5];
          const inputs = point.slice(0, fn.arity);
          for (const k of inputs.keys()) {
            const numerical = slope((v) => evaluate(fn.value, inputs.with(k, v), scalars), inputs[k]);
            if (numerical === undefined) continue;
            compared++;
            const gradient = fn.gradient(k);
            const analytical =
              gradient === undefined
                ? 0
                : evaluate(
                    gradient.fn.value,
                    gradient.operands.map((o) =>
                      o === "gradient" ? 1 : o === "output" ? evaluate(fn.value, inputs, scalars) : inputs[o],
                    ),
                    scalars,
                  );
            expect(Math.abs(analytical - numerical)).toBeLessThan(1e-3 * (1 + Math.abs(numerical)));
          }
        }),
      );
      expect(compared).toBeGreaterThan(30);
    },
  );
});

describe("building expressions", () => {
  it("simplifies what adds or multiplies nothing, without changing the value", () => {
    const a = x.input(0);
    expect([x.add(a, 0), x.add(0, a), x.sub(a, 0), x.mul(a, 1), x.mul(1, a), x.div(a, 1)]).toEqual(Array(6).fill(a));
    expect([x.mul(a, 0), x.neg(0), x.select(a, 2, 2)]).toEqual([0, 0, 2].map((n) => ({ kind: "constant", value: n })));
    fc.assert(
      fc.property(value, value, (v, c) => {
        expect(evaluate(x.add(a, c), [v])).toBe(v + c);
        expect(evaluate(x.sub(a, c), [v])).toBe(v - c);
        expect(evaluate(x.mul(a, c), [v]) + 0).toBe(v * c + 0);
        expect(evaluate(x.neg(x.mul(a, c)), [v]) + 0).toBe(-v * c + 0);
      }),
    );
  });

  it("inputsOf lists inputs once, ascending", () => {
    expect(x.inputsOf(x.add(x.input(4), x.mul(x.input(1), x.input(4))))).toEqual([1, 4]);
    expect(x.inputsOf(x.scalar(3))).toEqual([]);
  });

  it("substitute puts expressions in the place of inputs and keeps shared subtrees shared", () => {
    fc.assert(
      fc.property(tree, points, value, (e, point, s) => {
        const swapped = x.substitute(e, (index) => x.mul(2, x.input(2 - index)));
        const doubled = point.toReversed().map((v) => 2 * v);
        expect(evaluate(swapped, point, [s])).toBe(evaluate(e, doubled, [s]));
      }),
    );
    const shared = x.unary("sin", x.input(0));
    const { left, right } = {
      left: undefined,
      right: undefined,
      ...x.substitute(x.binary("mul", shared, shared), x.input),
    };
    expect(left).toBe(right);
    expect(left).toEqual(shared);
  });

  it("operandsOf gives what a node is made of", () => {
    const [a, b] = [x.input(0), x.input(1)];
    expect(x.operandsOf(x.select(a, b, 1))).toEqual([a, b, { kind: "constant", value: 1 }]);
    expect(x.operandsOf(x.unary("exp", a))).toEqual([a]);
    expect(x.operandsOf(x.scalar(0))).toEqual([]);
  });
});
