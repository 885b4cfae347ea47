import type { Dims, Tensor } from "@squall/tensor";
import * as ops from "@squall/tensor";
import fc from "fast-check";
import { axes, reductionAxes } from "../arbitraries/axes.ts";
import { shapes } from "../arbitraries/shapes.ts";
import { type TensorConstraints, tensors } from "../arbitraries/tensors.ts";
import { row, type Sample } from "./sample.ts";

const distinct: TensorConstraints = { distinct: true };

function labelOf(dim: Dims, keepdim: boolean): string {
  return `dim ${JSON.stringify(dim)}, keepdim ${keepdim}`;
}

function reduction(
  name: string,
  fn: (x: Tensor, dim: Dims, keepdim: boolean) => Tensor,
  values: TensorConstraints = {},
  minSize = 1,
): Sample {
  const drawn = shapes({ minSize }).chain((shape) =>
    fc.tuple(tensors(shape, values), reductionAxes(shape.length), fc.boolean()),
  );
  return row(name, drawn, ([x, dim, keepdim]) => ({
    label: labelOf(dim, keepdim),
    inputs: [x],
    apply: (a) => fn(a, dim, keepdim),
  }));
}

function alongOneAxis(name: string, fn: (x: Tensor, dim: number) => Tensor): Sample {
  const drawn = shapes({ minRank: 1 }).chain((shape) => fc.tuple(tensors(shape), axes(shape.length)));
  return row(name, drawn, ([x, dim]) => ({ label: `dim ${dim}`, inputs: [x], apply: (a) => fn(a, dim) }));
}

/** The divisor must stay above 0: of fewer elements than `correction` the variance is not a number. */
const variance = row(
  "variance",
  shapes({ minSize: 3, maxSize: 4, minRank: 1 }).chain((shape) =>
    fc.tuple(tensors(shape), axes(shape.length), fc.constantFrom(0, 1, 1.5), fc.boolean(), fc.boolean()),
  ),
  ([x, axis, correction, keepdim, all]) => {
    const dim = all ? undefined : axis;
    return {
      label: `${labelOf(dim, keepdim)}, correction ${correction}`,
      inputs: [x],
      apply: (a) => ops.variance(a, dim, { correction, keepdim }),
    };
  },
);

const argmax = row(
  "argmax",
  shapes({ minRank: 1 }).chain((shape) =>
    fc.tuple(tensors(shape), fc.option(axes(shape.length), { nil: undefined }), fc.boolean()),
  ),
  ([x, dim, keepdim]) => ({
    label: labelOf(dim, keepdim),
    inputs: [x],
    // Few values, so that there are ties.
    apply: (a) => ops.argmax(a.mul(2).round(), dim, keepdim),
  }),
  { differentiable: false },
);

/** Rows of reductions and of the softmax family. */
export const reduceSamples: readonly Sample[] = [
  reduction("sum", ops.sum, {}, 0),
  reduction("mean", ops.mean),
  reduction("max", ops.max, distinct),
  reduction("min", ops.min, distinct),
  argmax,
  variance,
  reduction("logsumexp", ops.logsumexp),
  alongOneAxis("softmax", ops.softmax),
  alongOneAxis("logSoftmax", ops.logSoftmax),
];
