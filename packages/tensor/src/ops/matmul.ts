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

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** Whether the last two axes of the left operand are read exchanged. Default false; vectors have none to exchange. */
  readonly transposeA?: boolean;
  /** The same of the right operand. Default false. */
  readonly transposeB?: boolean;
}

/** Sizes of the last two axes, exchanged if they are to be read so. */
function sidesOf(x: Tensor, transposed: boolean): readonly [number, number] {
  const [first = 1, second = 1] = x.shape.slice(-2);
  return transposed ? [second, first] : [first, second];
}

/**
 * Matrix product of the last two axes, `[…, n, k] · […, k, m] = […, n, m]`; the axes before broadcast. A vector on the left is a row, on
 * the right a column, and its axis does not appear in the result. Transposed operands are read as they lie, without a copy.
 * @throws ShapeError if the inner sizes differ, an operand is a scalar, or the batch axes do not broadcast; DTypeError, DeviceError
 * @example
 * matmul(x, weight, { transposeB: true }); // x · weightᵀ
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const transposeA = options.transposeA === true && a.rank > 1;
  const transposeB = options.transposeB === true && b.rank > 1;
  const side = (x: Tensor, transposed: boolean): string => `${formatShape(x.shape)}${transposed ? " transposed" : ""}`;
  const sides = `${side(a, transposeA)} and ${side(b, transposeB)}`;
  if (a.rank === 0 || b.rank === 0)
    throw new ShapeError("matmul", `needs at least one axis on both sides, got ${sides}`);
  const left = a.rank === 1 ? a.unsqueeze(0) : a;
  const right = b.rank === 1 ? b.unsqueeze(1) : b;
  const [rows, inner] = sidesOf(left, transposeA);
  const [got, columns] = sidesOf(right, transposeB);
  if (inner !== got) {
    throw new ShapeError("matmul", `inner sizes differ: ${inner} and ${got} (${sides})`, { expected: inner, got });
  }
  const outer = [...(a.rank === 1 ? [] : [rows]), ...(b.rank === 1 ? [] : [columns])];
  if (right.rank === 2 && !transposeA) {
    // One matrix on the right: the batch joins the rows, nothing is repeated.
    const flat = left.reshape([1, sizeOf(left.shape.slice(0, -1)), inner]);
    return product(flat, right.unsqueeze(0), false, transposeB).reshape([...left.shape.slice(0, -2), ...outer]);
  }
  const batch = broadcastShapes("matmul", [left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  return product(stackOf(left, batch), stackOf(right, batch), transposeA, transposeB).reshape([...batch, ...outer]);
}
