import { type Expression, expressions } from "@squall/device";

const { add, mul, neg, sub } = expressions;

/** Builds the expressions of an update rule once per combination of switches, so that devices can compile them once. */
export function perVariant<V extends object>(
  build: (variant: V) => readonly Expression[],
): (variant: V) => readonly Expression[] {
  const known = new Map<string, readonly Expression[]>();
  return (variant) => {
    const key = JSON.stringify(variant);
    const made = known.get(key) ?? build(variant);
    known.set(key, made);
    return made;
  };
}

/** The gradient that a rule follows: turned around to maximize, with weight decay added unless `decay` is left out. */
export function descent(
  gradient: Expression,
  parameter: Expression,
  maximize: boolean,
  decay: Expression | undefined,
): Expression {
  const direction = maximize ? neg(gradient) : gradient;
  return decay === undefined ? direction : add(direction, mul(decay, parameter));
}

/** `average + weight·(value - average)`: PyTorch's lerp. */
export function lerp(average: Expression, value: Expression, weight: Expression): Expression {
  return add(average, mul(weight, sub(value, average)));
}
