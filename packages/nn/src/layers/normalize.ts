import { expressions as e, elementwise } from "@squall/device";
import { applyElementwise, defineMultiOutputOp, type Tensor } from "@squall/tensor";
import { at } from "../at.ts";

const [x0, x1, x2] = [e.input(0), e.input(1), e.input(2)];

/** `(x - mean)²` */
const squaredDeviation = elementwise({
  name: "squaredDeviation",
  arity: 2,
  value: e.mul(e.sub(x0, x1), e.sub(x0, x1)),
});

/** `(x - mean) · scale` */
const scaledDeviation = elementwise({
  name: "scaledDeviation",
  arity: 3,
  value: e.mul(e.sub(x0, x1), x2),
});

/** `scale · g - a - y · b` */
const normalizeGradient = elementwise({
  name: "normalizeGradient",
  arity: 5,
  value: e.sub(e.sub(e.mul(x0, x1), x2), e.mul(e.input(3), e.input(4))),
});

interface NormalizeArgs {
  readonly dims: readonly number[];
  readonly eps: number;
}

/** Results, and the factors `1 / √(variance + eps)` that they were scaled by. */
const normalizeOp = defineMultiOutputOp<NormalizeArgs, [Tensor]>({
  name: "normalize",
  shapes: ([x], { dims }) => [x.shape, x.shape.map((size, axis) => (dims.includes(axis) ? 1 : size))],
  run: ([x], { dims, eps }) => {
    const mean = x.mean(dims, true);
    const variance = applyElementwise(squaredDeviation, [x, mean]).mean(dims, true);
    const scale = variance.add(eps).sqrt().reciprocal();
    return [applyElementwise(scaledDeviation, [x, mean, scale]).storage, scale.storage];
  },
  saves: () => ({ inputs: [], outputs: [0, 1], owned: [1] }),
  // With y and scale s of n elements each: dx = s·(g - mean(g) - y·mean(g·y)), and ds/dx = -s²·y / n.
  gradient: (context) => {
    const { dims } = context.args;
    const [g, y, scale] = [context.gradient(0), context.output(0), context.output(1)];
    const count = dims.reduce((n, axis) => n * (y.shape[axis] ?? 1), 1);
    const perResult = scale.mul(g.mul(y).mean(dims, true));
    const perScale = context.gradient(1).mul(scale.square()).div(count);
    return [applyElementwise(normalizeGradient, [scale, g, scale.mul(g.mean(dims, true)), y, perResult.add(perScale)])];
  },
});

/**
 * `(x - mean) / √(variance + eps)` over some axes, with the mean square deviation as the variance, in four passes forward and four back.
 * @param dims - the axes, counted from 0
 */
export function normalize(x: Tensor, dims: readonly number[], eps: number): Tensor {
  return at(normalizeOp([x], { dims, eps }), 0);
}
