import { defineMultiOutputOp, defineOp, grad, ones, type Tensor, tensor } from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const leaf = (values: number[]): Tensor => tensor(values, { dtype: "float64", requiresGrad: true });

const cube = defineOp<undefined, [Tensor]>({
  name: "cube",
  shape: ([x]) => x.shape,
  run: ([x]) => x.pow(3).storage,
  gradient: (context) => [context.gradient().mul(context.input(0).square()).mul(3)],
});

/** `a·b` and `a + s·b` at once, computed on host arrays, saving only what its gradient reads. */
const productAndSum = defineMultiOutputOp<number, [Tensor, Tensor]>({
  name: "productAndSum",
  shapes: ([a, b]) => [a.shape, b.shape],
  run: ([a, b], s) => {
    const [p, q] = [a.dataSync(), b.dataSync()];
    return [p.map((value, k) => value * q[k]), p.map((value, k) => value + s * q[k])].map((data) =>
      a.device.upload(data),
    );
  },
  saves: (_, [a, b]) => ({ inputs: [...(b ? [0] : []), ...(a ? [1] : [])], outputs: [] }),
  gradient: (context) => [
    context.needs(0) ? context.gradient(0).mul(context.input(1)).add(context.gradient(1)) : undefined,
    context.needs(1) ? context.gradient(0).mul(context.input(0)).add(context.gradient(1).mul(context.args)) : undefined,
  ],
});

describe("an op of one's own", () => {
  it("is a first-class citizen", () => {
    const x = leaf([1, -2]);
    cube([x], undefined).sum().backward();
    expect([cube([x], undefined).toArray(), x.grad?.toArray()]).toEqual([
      [1, -8],
      [3, 12],
    ]);
    gradcheck((v) => cube([v], undefined), [x]);
    gradgradcheck((v) => cube([v], undefined), [x]);
  });

  it("has several outputs, of which some may not matter", () => {
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    gradcheck((x, y) => productAndSum([x, y], 5), [a, b]);
    gradgradcheck((x, y) => productAndSum([x, y], 5), [a, b]);
    const [, sum] = productAndSum([a, b], 5);
    expect(grad(sum.sum(), [a, b]).map((g) => g.toArray())).toEqual([
      [1, 1],
      [5, 5],
    ]);
  });

  it("is asked only for gradients that are needed", () => {
    const [a, fixed] = [leaf([1, 2]), tensor([3, 4], { dtype: "float64" })];
    gradcheck((x) => productAndSum([x, fixed], 5), [a]);
    gradcheck((x) => productAndSum([fixed, x], 5), [a]);
  });

  it("without a gradient gives results without one", () => {
    const flat = defineOp<undefined, [Tensor]>({ name: "flat", shape: ([x]) => x.shape, run: ([x]) => x.storage });
    expect(flat([leaf([1])], undefined).requiresGrad).toBe(false);
  });

  it("runs without recording", () => {
    const plain = defineOp<undefined, [Tensor]>({
      name: "plain",
      shape: ([x]) => x.shape,
      run: ([x]) => {
        const y = x.mul(2);
        expect(y.requiresGrad).toBe(false);
        return y.storage;
      },
    });
    expect(plain([leaf([1])], undefined).toArray()).toEqual([2]);
  });
});

describe("mistakes in an op of one's own are clear errors", () => {
  const broken = (change: Partial<Parameters<typeof defineOp<undefined, [Tensor]>>[0]>): Tensor =>
    defineOp<undefined, [Tensor]>({
      name: "broken",
      shape: ([x]) => x.shape,
      run: ([x]) => x.mul(2).storage,
      gradient: (context) => [context.gradient().mul(2)],
      ...change,
    })([leaf([1, 2])], undefined);

  it("a rule that reads a value that was not saved", () => {
    const nothing = (): { inputs: []; outputs: [] } => ({ inputs: [], outputs: [] });
    const byInput = broken({ saves: nothing, gradient: (context) => [context.gradient().mul(context.input(0))] });
    expect(() => byInput.sum().backward()).toThrow(
      refusal("AutogradError", "broken: the gradient rule reads input 0, but `saves` does not name it"),
    );
    const byOutput = broken({ saves: nothing, gradient: (context) => [context.gradient().mul(context.output())] });
    expect(() => byOutput.sum().backward()).toThrow(
      refusal("AutogradError", "broken: the gradient rule reads output 0, but `saves` does not name it"),
    );
  });

  it("a rule that asks for the gradient of an output that is not there", () => {
    expect(() =>
      broken({ gradient: (context) => [context.gradient(1)] })
        .sum()
        .backward(),
    ).toThrow(refusal("AutogradError", "broken: there is no output 1"));
  });

  it("a gradient of the wrong shape", () => {
    const y = broken({ gradient: (context) => [context.gradient().sum()] });
    expect(() => y.sum().backward()).toThrow(
      refusal("AutogradError", "broken: the gradient of input 0 has shape [] but the input has [2]"),
    );
  });

  it("a result that does not fill the shape, or of another dtype", () => {
    expect(() => broken({ shape: () => [3] })).toThrow(
      refusal(
        "ShapeError",
        "broken: output 0 should hold 3 float64 elements for shape [3], but run returned 2 float64",
      ),
    );
    expect(() => broken({ run: () => ones([2]).storage })).toThrow(
      refusal(
        "ShapeError",
        "broken: output 0 should hold 2 float64 elements for shape [2], but run returned 2 float32",
      ),
    );
  });

  it("another number of outputs than the shape rule gives", () => {
    const op = defineMultiOutputOp<undefined, [Tensor]>({
      name: "broken",
      shapes: ([x]) => [x.shape, x.shape],
      run: ([x]) => [x.storage],
    });
    expect(() => op([leaf([1])], undefined)).toThrow(
      refusal("ShapeError", "broken: the shape rule gives 2 outputs but run returned 1"),
    );
  });

  it("inputs that are no tensors, none at all, or of different dtypes", () => {
    const any = defineOp<undefined>({ name: "any", shape: () => [1], run: ([x]) => x.storage });
    expect(() => any([], undefined)).toThrow(refusal("ShapeError", "any: needs at least one tensor"));
    expect(() => any([ones([1]), leaf([1])], undefined)).toThrow(
      refusal(
        "DTypeError",
        'any: inputs have different dtypes: input 0 is float32, input 1 is float64; convert one with to("float32")',
      ),
    );
    const untyped: { values: Tensor[] } = JSON.parse('{"values":[5,null]}');
    expect(() => any(untyped.values, undefined)).toThrow(
      refusal("ArgumentError", "any: input 0 must be a tensor, got number"),
    );
    expect(() => any(untyped.values.slice(1), undefined)).toThrow(
      refusal("ArgumentError", "any: input 0 must be a tensor, got null"),
    );
  });
});
