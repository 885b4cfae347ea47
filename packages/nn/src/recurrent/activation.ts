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
 * - `linear`: `x`
 */
export type ActivationName = "sigmoid" | "hardSigmoid" | "hardSigmoidKeras2" | "tanh" | "relu" | "leakyRelu" | "linear";

/** An elementwise function: one of those known by name, or your own from a tensor to one of the same shape. */
export type Activation = ActivationName | ((x: Tensor) => Tensor);

const line = e.add(e.mul(e.input(0), e.scalar(0)), 0.5);

/** `min(max(s₀·x + 1/2, 0), 1)`; the slope at the two corners is 0, as in PyTorch. */
const hardSigmoid: ElementwiseFunction = elementwise({
  name: "hardSigmoid",
  arity: 1,
  value: e.select(e.binary("le", line, 0), 0, e.select(e.binary("ge", line, 1), 1, line)),
});

const known: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = {
  sigmoid: (x) => x.sigmoid(),
  hardSigmoid: (x) => applyElementwise(hardSigmoid, [x], [1 / 6]),
  hardSigmoidKeras2: (x) => applyElementwise(hardSigmoid, [x], [1 / 5]),
  tanh: (x) => x.tanh(),
  relu: (x) => x.relu(),
  leakyRelu: (x) => x.leakyRelu(0.2),
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
