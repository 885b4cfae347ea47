import { ArgumentError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkAlike } from "../arguments.ts";
import { checkTensor } from "./reduction.ts";

/** The sum of what `of` makes of each parameter; one that comes twice counts once. */
export function penalty(op: string, parameters: Iterable<Tensor>, of: (parameter: Tensor) => Tensor): Tensor {
  if (typeof parameters?.[Symbol.iterator] !== "function") {
    throw new ArgumentError(
      op,
      "parameters must be an array or another iterable; for a module pass module.parameters()",
      {
        got: parameters,
      },
    );
  }
  const [first, ...others] = new Set(parameters);
  if (first === undefined) {
    throw new ArgumentError(op, "parameters is empty; an iterator can be walked only once, so pass a fresh one", {
      got: [],
    });
  }
  checkTensor(op, "parameter 0", first);
  for (const [k, parameter] of others.entries()) {
    checkTensor(op, `parameter ${k + 1}`, parameter);
    checkAlike(op, ["parameter 0", first], [`parameter ${k + 1}`, parameter]);
  }
  return others.reduce((total, parameter) => total.add(of(parameter)), of(first));
}
