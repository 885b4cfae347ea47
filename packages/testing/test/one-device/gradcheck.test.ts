import { AutogradError, DTypeError, defineOp, Generator, randn, type Tensor, tensor, zeros } from "@squall/tensor";
import { GradcheckError, gradcheck, gradgradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const leaf = (values: number[]): Tensor => tensor(values, { dtype: "float64", requiresGrad: true });

/** Multiplies by two, with a gradient that is wrong in the last entry. */
const wrongTwice = defineOp<undefined, [Tensor]>({
  name: "wrongTwice",
  shape: ([x]) => x.shape,
  run: ([x]) => x.mul(2).storage,
  gradient: (context) => {
    const factors = Array.from({ length: context.inputShape(0)[0] }, () => 2).with(-1, 2.5);
    return [context.gradient().mul(tensor(factors, { dtype: "float64" }))];
  },
});

/** The square of its input; the gradient is right, but not recorded, so the second derivative is lost. */
const flatSquare = defineOp<undefined, [Tensor]>({
  name: "flatSquare",
  shape: ([x]) => x.shape,
  run: ([x]) => x.square().storage,
  gradient: (context) => [context.gradient().mul(context.input(0).detach().mul(2))],
});

function caught(fn: () => void): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(["full", "projection"] as const)("in mode %s", (mode) => {
  it("accepts right gradients, of several inputs and outputs", () => {
    const [a, b] = [leaf([1, -2, 3]), leaf([0.5, 2, -1])];
    const fn = (x: Tensor, y: Tensor): Tensor[] => [x.mul(y).exp(), x.sum(), y.square()];
    gradcheck(fn, [a, b], { mode });
    gradgradcheck(fn, [a, b], { mode });
    expect(a.grad).toBeUndefined();
    expect([...a.dataSync(), ...b.dataSync()]).toEqual([1, -2, 3, 0.5, 2, -1]);
  });

  it("names output, input, entry and both values of a wrong gradient", () => {
    const error = caught(() =>
      gradcheck((x, y) => [x.sum(), wrongTwice([y], undefined)], [leaf([1]), leaf([1, 2, 3])], { mode }),
    );
    expect(error).toBeInstanceOf(GradcheckError);
    if (!(error instanceof GradcheckError)) return;
    expect(error.mismatch).toMatchObject({ output: 1, outputEntry: [2], input: 1, inputEntry: [2], analytical: 2.5 });
    expect(error.mismatch?.numerical).toBeCloseTo(2, 6);
    expect(error.message).toMatch(
      /^gradcheck: the derivative of output 1 at \[2\] with respect to input 1 at \[2\] is 2\.5 by backward pass but (2\.0|1\.9)\d* by finite differences \(eps 0\.000001, atol 0\.00001, rtol 0\.001\)$/,
    );
  });

  it("finds a second derivative that was lost", () => {
    const x = leaf([1, 2]);
    gradcheck((v) => flatSquare([v], undefined), [x], { mode });
    expect(() => gradgradcheck((v) => flatSquare([v], undefined), [x], { mode })).toThrow(
      /^gradgradcheck: the derivative of the gradient of input 0 at \[0\] with respect to input 0 at \[0\] is 0 by backward pass but/,
    );
  });

  it("finds an output that was cut off the graph", () => {
    expect(() => gradcheck((x) => x.square().detach(), [leaf([3])], { mode })).toThrow(
      /is 0 by backward pass but (6\.0|5\.9)/,
    );
  });
});

it("reaches inputs that the function holds by other means", () => {
  const weight = leaf([2, 3]);
  const x = tensor([1, -1], { dtype: "float64" });
  gradcheck(() => x.mul(weight).tanh(), [weight]);
  expect(() => gradcheck(() => wrongTwice([weight], undefined), [weight])).toThrow(GradcheckError);
});

it("checks only inputs that require a gradient", () => {
  const fixed = tensor([1, 2], { dtype: "float64" });
  gradcheck((x, y) => x.mul(y.floor()), [leaf([1, 2]), fixed]);
  expect(() => gradcheck((x) => x.exp(), [fixed])).toThrow(
    refusal(
      "ArgumentError",
      "gradcheck: no input requires a gradient, so there is nothing to check; use requiresGrad: true",
    ),
  );
});

it("accepts constant outputs and functions without any gradient", () => {
  gradcheck((x) => [x.gt(0), x.floor()], [leaf([0.5, -1.5])]);
  gradgradcheck((x) => x.gt(0), [leaf([0.5, -1.5])]);
});

it("works on large inputs by projection", () => {
  const x = randn([40, 50], { dtype: "float64", requiresGrad: true, generator: new Generator(1) });
  gradcheck((v) => v.matmul(v.transpose(0, 1)).sum(1), [x]);
  gradgradcheck((v) => v.square().sum(0).sqrt(), [x]);
});

it("works on empty tensors and scalars", () => {
  gradcheck((x) => x.exp(), [zeros([0, 3], { dtype: "float64", requiresGrad: true })]);
  gradcheck((x) => x.exp(), [tensor(0.3, { dtype: "float64", requiresGrad: true })]);
});

it("puts inputs back when the function throws", () => {
  const x = leaf([1, 2]);
  let calls = 0;
  const fn = (v: Tensor): Tensor => {
    calls++;
    if (calls > 2) throw new RangeError("enough");
    return v.exp();
  };
  expect(() => gradcheck(fn, [x])).toThrow(RangeError);
  expect([...x.dataSync()]).toEqual([1, 2]);
});

describe.each([
  ["gradcheck", gradcheck],
  ["gradgradcheck", gradgradcheck],
] as const)("%s refuses", (name, check) => {
  it("float32, saying why", () => {
    const single = tensor([1, 2], { requiresGrad: true });
    expect(() => check((x) => x.exp(), [single])).toThrow(DTypeError);
    expect(() => check((x) => x.exp(), [single])).toThrow(
      `${name}: input 0 of shape [2] is float32; finite differences need float64, because in float32 rounding is larger than the difference; convert with to("float64")`,
    );
    expect(() => check((x) => x.to("float32"), [leaf([1])])).toThrow(`${name}: output 0 of shape [1] is float32;`);
  });

  it("results of operations as inputs", () => {
    expect(() => check((x) => x.exp(), [leaf([1]).exp()])).toThrow(AutogradError);
    expect(() => check((x) => x.exp(), [leaf([1]).exp()])).toThrow(
      `${name}: input 0 is the result of an operation, and moving it would spoil that graph; use detach().clone().requiresGrad_()`,
    );
  });

  it("functions that are not deterministic", () => {
    const generator = new Generator(3);
    expect(() => check((x) => x.mul(generator.next()), [leaf([1])])).toThrow(
      /is not deterministic: output 0 differs between two calls at the same point; draw random numbers outside$/,
    );
  });

  it.each([
    [{ eps: 0 }, "eps must be a positive number, got 0"],
    [{ eps: Number.NaN }, "eps must be a positive number, got NaN"],
    [{ atol: -1 }, "atol must be a number >= 0, got -1"],
    [{ rtol: Number.NaN }, "rtol must be a number >= 0, got NaN"],
  ])("option %o", (options, text) => {
    expect(() => check((x) => x.exp(), [leaf([1])], options)).toThrow(refusal("ArgumentError", `${name}: ${text}`));
  });
});
