import { formatShape, ShapeError } from "@squall/device";
import { noGrad } from "../autograd/mode.ts";
import type { Dims, Tensor } from "../tensor.ts";
import { resolveDims, sizeAt } from "./axes.ts";
import { where } from "./elementwise.ts";
import { max } from "./reduce.ts";

/** Maximum to subtract before `exp`, 0 where it is not finite: the shift cancels out, so it carries no gradient. */
function shiftOf(op: string, x: Tensor, dims: readonly number[]): Tensor {
  if (dims.some((dim) => sizeAt(x.shape, dim) === 0)) {
    throw new ShapeError(op, `there is nothing along axes [${dims.join(",")}] of shape ${formatShape(x.shape)}`, {
      got: x.shape,
    });
  }
  return noGrad(() => {
    const top = max(x, dims, true);
    return where(top.abs().lt(Number.POSITIVE_INFINITY), top, 0);
  });
}

function logSumExp(op: string, x: Tensor, dims: readonly number[]): Tensor {
  const shift = shiftOf(op, x, dims);
  return x.sub(shift).exp().sum(dims, true).log().add(shift);
}

/** `log(sum(eˣ))` over axes, without overflow; -Infinity if every element is. @throws ShapeError if an axis does not exist or is empty */
export function logsumexp(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const dims = resolveDims("logsumexp", dim, x.shape);
  const kept = logSumExp("logsumexp", x, dims);
  return keepdim ? kept : kept.reshape(x.shape.filter((_, axis) => !dims.includes(axis)));
}

/** `eˣ / sum(eˣ)` along one axis, without overflow. @throws ShapeError if the axis does not exist or is empty */
export function softmax(x: Tensor, dim: number): Tensor {
  const dims = resolveDims("softmax", dim, x.shape);
  const e = x.sub(shiftOf("softmax", x, dims)).exp();
  return e.div(e.sum(dims, true));
}

/** `log(softmax(x))` along one axis, exact where the softmax underflows. @throws ShapeError if the axis does not exist or is empty */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return x.sub(logSumExp("logSoftmax", x, resolveDims("logSoftmax", dim, x.shape)));
}
