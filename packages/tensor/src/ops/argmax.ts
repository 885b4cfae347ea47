import {
  DTypeError,
  type ElementwiseFunction,
  expressions as e,
  elementwise,
  formatShape,
  ShapeError,
} from "@squall/device";
import { defineOp } from "../autograd/op.ts";
import { arange } from "../create/create.ts";
import type { Tensor } from "../tensor.ts";
import { resolveDim, sizeAt } from "./axes.ts";
import { applyElementwise } from "./elementwise.ts";
import { max, min } from "./reduce.ts";
import { keptShape } from "./reshape.ts";

const [x, top, index] = [e.input(0), e.input(1), e.input(2)];

/** The place along the axis where the largest element is, elsewhere the number `s₀` behind the last. Where there is a NaN, none is largest. */
const placeOfTop: ElementwiseFunction = elementwise({
  name: "argmax",
  arity: 3,
  value: e.select(e.add(e.binary("eq", x, top), e.binary("ne", x, x)), index, e.scalar(0)),
  differentiable: false,
});

/** Whole numbers up to here are exact in float32. */
const exact = 2 ** 24;

const argmaxOp = defineOp<{ readonly dim: number }, [Tensor]>({
  name: "argmax",
  shape: ([input], { dim }) => {
    const { shape, dtype } = input;
    const size = sizeAt(shape, dim);
    if (size === 0) {
      throw new ShapeError("argmax", `there is nothing along axis ${dim} of shape ${formatShape(shape)}`, {
        got: shape,
      });
    }
    if (dtype === "float32" && size > exact) {
      throw new DTypeError(
        "argmax",
        `float32 does not hold all numbers up to ${size} (axis ${dim} of shape ${formatShape(shape)}); convert with to("float64")`,
        { expected: exact, got: size },
      );
    }
    return keptShape(shape, [dim]);
  },
  run: ([input], { dim }) => {
    const size = sizeAt(input.shape, dim);
    const places = arange(0, size, 1, { dtype: input.dtype, device: input.device });
    const along = places.reshape(input.shape.map((_, axis) => (axis === dim ? size : 1)));
    return min(applyElementwise(placeOfTop, [input, max(input, dim, true), along], [size]), dim, true).storage;
  },
});

/**
 * The place of the largest element along an axis, counted from 0: the first one of equals, and the first NaN if there is one. Class numbers of
 * logits `[N, C, …]` are `logits.argmax(1)`.
 * @param dim - one axis; negative numbers count from the end. Left out: the place among all elements, row-major.
 * @param keepdim - keep the axis, or all, with size 1. Default false.
 * @returns whole numbers in the dtype of `x`, without gradient
 * @throws ShapeError if the axis does not exist or is empty; DTypeError if the numbers could not be exact
 */
export function argmax(x: Tensor, dim?: number, keepdim = false): Tensor {
  if (dim === undefined) {
    return argmaxOp([x.reshape([x.size])], { dim: 0 }).reshape(keepdim ? x.shape.map(() => 1) : []);
  }
  const axis = resolveDim("argmax", dim, x.shape);
  const kept = argmaxOp([x], { dim: axis });
  return keepdim ? kept : kept.reshape(x.shape.filter((_, k) => k !== axis));
}
