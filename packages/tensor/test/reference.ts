import type { Tensor } from "@squall/tensor";
import { expect } from "vitest";

/** A plain array with a shape: what references are computed in, by index, far from any kernel. */
export interface Nd {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** Every index of a shape, in row-major order. */
export function* indices(shape: readonly number[]): Generator<number[]> {
  if (shape.length === 0) {
    yield [];
    return;
  }
  for (let first = 0; first < shape[0]; first++) for (const rest of indices(shape.slice(1))) yield [first, ...rest];
}

/** An array of a shape by a formula of the index. */
export function build(shape: readonly number[], value: (index: number[]) => number): Nd {
  return { shape, data: [...indices(shape)].map(value) };
}

/** The elements of a tensor. */
export function nd(tensor: Tensor): Nd {
  return { shape: tensor.shape, data: [...tensor.dataSync()] };
}

/** The element at an index. */
export function at({ shape, data }: Nd, index: readonly number[]): number {
  let position = 0;
  for (const [axis, size] of shape.entries()) position = position * size + index[axis];
  return data[position];
}

/** The element that broadcasting puts at an index of a larger shape. */
export function broadcastAt(x: Nd, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  return at(
    x,
    own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
  );
}

/** The shape that NumPy broadcasts shapes to, given that it can. */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return sizes.find((n) => n !== 1) ?? 1;
  });
}

/** Expects a tensor to have the shape and, up to rounding of sums in another order, the elements of a reference. */
export function expectTensor(tensor: Tensor, want: Nd, tolerance = 1e-12): void {
  expect([...tensor.shape]).toEqual([...want.shape]);
  const data = tensor.dataSync();
  for (const [k, value] of want.data.entries()) {
    if (Object.is(data[k], value) || Math.abs(data[k] - value) <= tolerance * Math.max(1, Math.abs(value))) continue;
    expect.fail(`element ${k} of [${want.shape}]: got ${data[k]}, want ${value}`);
  }
}
