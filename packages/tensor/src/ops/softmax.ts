import { noGrad } from "../autograd/mode.ts";
import type { Dims, Tensor } from "../tensor.ts";
import { resolveDims } from "./axes.ts";
import { where } from "./elementwise.ts";
import { max } from "./reduce.ts";

/** Maximum to subtract before `exp`, 0 where it is not finite: the shift cancels out, so it carries no gradient. */
function shiftOf(x: Tensor, dim: Dims): Tensor {
  return noGrad(() => {
    const top = max(x, dim, true);
    return where(top.abs().lt(Number.POSITIVE_INFINITY), top, 0);
  });
}

/** `log(sum(eˣ))` over axes, without overflow; -Infinity if every element is. @throws ShapeError if an axis does not exist or is empty */
export function logsumexp(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const shift = shiftOf(x, dim);
  const kept = x.sub(shift).exp().sum(dim, true).log().add(shift);
  const dims = resolveDims("logsumexp", dim, x.shape);
  return keepdim ? kept : kept.reshape(x.shape.filter((_, axis) => !dims.includes(axis)));
}

/** `eˣ / sum(eˣ)` along one axis, without overflow. @throws ShapeError if the axis does not exist */
export function softmax(x: Tensor, dim: number): Tensor {
  const e = x.sub(shiftOf(x, dim)).exp();
  return e.div(e.sum(dim, true));
}

/** `log(softmax(x))` along one axis, exact where the softmax underflows. @throws ShapeError if the axis does not exist */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return x.sub(logsumexp(x, dim, true));
}
