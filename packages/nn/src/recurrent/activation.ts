import {
  ArgumentError,
  type ElementwiseFunction,
  expressions as e,
  elementwise,
  formatShape,
  ShapeError,
  sameShape,
} from "@squall/device";
import { applyElementwise, type Tensor } from "@squall/tensor";

/**
 * An elementwise function by name:
 *
 * - `sigmoid`: `1 / (1 + exp(-x))`
 * - `hardSigmoid`: `min(max(x / 6 + 1/2, 0), 1)`, as in Keras 3 and PyTorch
 * - `hardSigmoidKeras2`: `min(max(x / 5 + 1/2, 0), 1)`, as in Keras before version 3, Theano and tfjs
 * - `tanh`, `relu`
 * - `leakyRelu`: `x` above 0, `0.2·x` below, as in the networks of Shi et al. 2017
 * - `elu`: `x` above 0, `eˣ - 1` below (Clevert et al. 2016)
 * - `selu`: `λ·x` above 0, `λ·α·(eˣ - 1)` below, with λ = 1.0507009873554805 and α = 1.6732632423543772 (Klambauer et al. 2017)
 * - `silu`: `x / (1 + exp(-x))`, also called swish
 * - `softplus`: `log(1 + exp(x))`
 * - `softsign`: `x / (1 + |x|)`
 * - `linear`: `x`
 *
 * `gelu` is not among them: devices have no error function. One's own, by `tanh` say, can be given as a function.
 */
export type ActivationName =
  | "sigmoid"
  | "hardSigmoid"
  | "hardSigmoidKeras2"
  | "tanh"
  | "relu"
  | "leakyRelu"
  | "elu"
  | "selu"
  | "silu"
  | "softplus"
  | "softsign"
  | "linear";

/** An elementwise function: one of those known by name, or your own from a tensor to one of the same shape. */
export type Activation = ActivationName | ((x: Tensor) => Tensor);

const line = e.add(e.mul(e.input(0), e.scalar(0)), 0.5);

/** `min(max(s₀·x + 1/2, 0), 1)`; the slope at the two corners is 0, as in PyTorch. */
const hardSigmoid: ElementwiseFunction = elementwise({
  name: "hardSigmoid",
  arity: 1,
  value: e.select(e.binary("le", line, 0), 0, e.select(e.binary("ge", line, 1), 1, line)),
});

const x = e.input(0);
const isAbove = e.binary("gt", x, 0);
const [scale, alpha] = [1.0507009873554805, 1.6732632423543772];

const selu: ElementwiseFunction = elementwise({
  name: "selu",
  arity: 1,
  // As `elu`, whose gradient is finite for any x.
  value: e.mul(scale, e.select(isAbove, x, e.mul(alpha, e.unary("expm1", e.select(isAbove, 0, x))))),
});

const spread = e.add(1, e.unary("abs", x));

const softsign: ElementwiseFunction = elementwise({
  name: "softsign",
  arity: 1,
  value: e.div(x, spread),
  // Not the quotient rule, whose difference of large numbers would be 0.
  gradient: (g) => [e.div(e.div(g, spread), spread)],
});

const known: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = {
  sigmoid: (x) => x.sigmoid(),
  hardSigmoid: (x) => applyElementwise(hardSigmoid, [x], [1 / 6]),
  hardSigmoidKeras2: (x) => applyElementwise(hardSigmoid, [x], [1 / 5]),
  tanh: (x) => x.tanh(),
  relu: (x) => x.relu(),
  leakyRelu: (x) => x.leakyRelu(0.2),
  elu: (x) => x.elu(),
  selu: (x) => applyElementwise(selu, [x]),
  silu: (x) => x.silu(),
  softplus: (x) => x.softplus(),
  softsign: (x) => applyElementwise(softsign, [x]),
  linear: (x) => x,
};

/** The function behind an {@link Activation}. @throws ArgumentError unless it is a known name or a function */
export function resolveActivation(op: string, name: string, activation: Activation): (x: Tensor) => Tensor {
  if (typeof activation === "function") {
    return (x) => {
      const y = activation(x);
      if (sameShape(y.shape, x.shape)) return y;
      throw new ShapeError(
        op,
        `${name} must keep the shape, but made ${formatShape(y.shape)} of ${formatShape(x.shape)}`,
        { expected: x.shape, got: y.shape },
      );
    };
  }
  if (!Object.hasOwn(known, activation)) {
    const names = Object.keys(known).map((each) => `"${each}"`);
    throw new ArgumentError(
      op,
      `${name} must be a function or one of ${names.join(", ")}, got ${JSON.stringify(activation) ?? typeof activation}`,
      { expected: Object.keys(known), got: activation },
    );
  }
  return known[activation];
}
