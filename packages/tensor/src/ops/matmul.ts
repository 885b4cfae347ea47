import {
  broadcastShapes,
  formatShape,
  type MatmulGeometry,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
} from "@squall/device";
import { defineOp } from "../autograd/op.ts";
import type { Tensor } from "../tensor.ts";

const matmulOp = defineOp<MatmulGeometry, [Tensor, Tensor]>({
  name: "matmul",
  shape: (_, { batch, rows, columns }) => [batch, rows, columns],
  run: ([a, b], geometry) => a.device.kernels.matmul(geometry, a.storage, b.storage),
  saves: (_, [a = false, b = false]) => ({ inputs: [...(b ? [0] : []), ...(a ? [1] : [])], outputs: [] }),
  gradient: (context) => {
    const { transposeA, transposeB } = context.args;
    const g = context.gradient();
    const gradientA = (): Tensor => {
      const b = context.input(1);
      return transposeA ? product(b, g, transposeB, true) : product(g, b, false, !transposeB);
    };
    const gradientB = (): Tensor => {
      const a = context.input(0);
      return transposeB ? product(g, a, true, transposeA) : product(a, g, !transposeA, false);
    };
    return [context.needs(0) ? gradientA() : undefined, context.needs(1) ? gradientB() : undefined];
  },
});

/** Product of `[batch, ·, ·]` stacks, either one read transposed. */
function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  const [batch = 0, a0 = 0, a1 = 0] = a.shape;
  const [, b0 = 0, b1 = 0] = b.shape;
  return matmulOp([a, b], {
    batch,
    rows: transposeA ? a1 : a0,
    inner: transposeA ? a0 : a1,
    columns: transposeB ? b0 : b1,
    transposeA,
    transposeB,
  });
}

/** Repeats a stack of matrices over broadcast batch axes and flattens these. */
function stackOf(x: Tensor, batch: Shape): Tensor {
  const matrix = x.shape.slice(-2);
  const full = [...batch, ...matrix];
  const whole = sameShape(x.shape, full) ? x : x.expand(full);
  return whole.reshape([sizeOf(batch), ...matrix]);
}

/**
 * Matrix product of the last two axes, `[…, n, k] · […, k, m] = […, n, m]`; the axes before broadcast. A vector on the left is a row, on
 * the right a column, and its axis does not appear in the result.
 * @throws ShapeError if the inner sizes differ, an operand is a scalar, or the batch axes do not broadcast; DTypeError, DeviceError
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const sides = `${formatShape(a.shape)} and ${formatShape(b.shape)}`;
  if (a.rank === 0 || b.rank === 0)
    throw new ShapeError("matmul", `needs at least one axis on both sides, got ${sides}`);
  const left = a.rank === 1 ? a.unsqueeze(0) : a;
  const right = b.rank === 1 ? b.unsqueeze(1) : b;
  const inner = left.shape.at(-1);
  if (inner !== right.shape.at(-2)) {
    throw new ShapeError("matmul", `inner sizes differ: ${inner} and ${right.shape.at(-2)} (${sides})`, {
      expected: inner,
      got: right.shape.at(-2),
    });
  }
  const rows = left.shape.at(-2) ?? 1;
  const columns = right.shape.at(-1) ?? 1;
  const outer = [...(a.rank === 1 ? [] : [rows]), ...(b.rank === 1 ? [] : [columns])];
  if (right.rank === 2) {
    // One matrix on the right: the batch joins the rows, nothing is repeated.
    const flat = left.reshape([1, sizeOf(left.shape.slice(0, -1)), inner ?? 0]);
    return product(flat, right.unsqueeze(0), false, false).reshape([...left.shape.slice(0, -2), ...outer]);
  }
  const batch = broadcastShapes("matmul", [left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  return product(stackOf(left, batch), stackOf(right, batch), false, false).reshape([...batch, ...outer]);
}
