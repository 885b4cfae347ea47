import { cpu } from "@squall/cpu";
import { type Device, dtypeOf, type FloatArray, type Storage } from "@squall/device";
import * as ops from "@squall/tensor";
import { type Tensor, tensor } from "@squall/tensor";
import { axes, axisLists, axisOrders, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at, broadcastAt, build, expectTensor, nd } from "../reference.ts";

const withAxis = shapes({ minRank: 1, minSize: 0 }).chain((shape) => fc.tuple(tensors(shape), axes(shape.length)));
const fromFront = (dim: number, x: Tensor): number => (dim + x.rank) % x.rank;

describe("rearranging", () => {
  it("permute reads axis k from axis dims[k]", () => {
    const cases = shapes({ minSize: 0, maxRank: 4 }).chain((s) => fc.tuple(tensors(s), axisOrders(s.length)));
    fc.assert(
      fc.property(cases, ([x, dims]) => {
        const order = dims.map((dim) => fromFront(dim, x));
        const shape = order.map((axis) => x.shape[axis]);
        const want = build(shape, (index) =>
          at(
            nd(x),
            x.shape.map((_, axis) => index[order.indexOf(axis)]),
          ),
        );
        expectTensor(ops.permute(x, dims), want);
      }),
    );
  });

  it("transpose exchanges two axes", () => {
    expect(ops.transpose(tensor([[1, 2, 3]]), 0, -1).toArray()).toEqual([[1], [2], [3]]);
    expect(ops.transpose(tensor([[1, 2]]), 1, 1).toArray()).toEqual([[1, 2]]);
  });

  it("flip reads backwards", () => {
    const cases = shapes({ minSize: 0 }).chain((s) => fc.tuple(tensors(s), axisLists(s.length)));
    fc.assert(
      fc.property(cases, ([x, dims]) => {
        const flipped = dims.map((dim) => fromFront(dim, x));
        const want = build(x.shape, (index) =>
          at(
            nd(x),
            index.map((i, axis) => (flipped.includes(axis) ? x.shape[axis] - 1 - i : i)),
          ),
        );
        expectTensor(ops.flip(x, dims), want);
      }),
    );
    expect(ops.flip(tensor([1, 2, 3]), 0).toArray()).toEqual([3, 2, 1]);
  });

  it("expand repeats", () => {
    const cases = shapes({ maxSize: 3 }).chain((full) =>
      fc
        .tuple(fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }), fc.nat({ max: full.length }))
        .chain(([ones, drop]) =>
          fc.tuple(tensors(full.map((n, axis) => (ones[axis] ? 1 : n)).slice(drop)), fc.constant(full)),
        ),
    );
    fc.assert(
      fc.property(cases, ([x, full]) =>
        expectTensor(
          ops.expand(x, full),
          build(full, (index) => broadcastAt(nd(x), index)),
        ),
      ),
    );
    expect(ops.expand(tensor([[1], [2]]), [-1, 2]).toArray()).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(ops.expand(ops.ones([1, 0]), [3, 0]).shape).toEqual([3, 0]);
  });
});

describe("cutting", () => {
  it("slice takes every step-th position", () => {
    fc.assert(
      fc.property(withAxis, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 3 }), ([x, dim], a, b, step) => {
        const axis = fromFront(dim, x);
        const size = x.shape[axis];
        const [start, end] = [a % (size + 1), b % (size + 1)].sort((p, q) => p - q);
        const length = Math.ceil((end - start) / step);
        const want = build(x.shape.with(axis, length), (index) =>
          at(nd(x), index.with(axis, start + index[axis] * step)),
        );
        expectTensor(ops.slice(x, dim, start, end, step), want);
        if (step === 1) expectTensor(ops.narrow(x, dim, start, end - start), want);
      }),
    );
  });

  it("counts negative positions from the end", () => {
    const x = ops.arange(5);
    expect(ops.slice(x, 0, -3).toArray()).toEqual([2, 3, 4]);
    expect(ops.slice(x, 0, 1, -1).toArray()).toEqual([1, 2, 3]);
    expect(ops.narrow(x, 0, -2, 2).toArray()).toEqual([3, 4]);
    expect(ops.select(x, 0, -1).toArray()).toBe(4);
  });

  it("select drops the axis", () => {
    const x = ops.arange(24).reshape([2, 3, 4]);
    expect(x.select(1, 2).toArray()).toEqual([
      [8, 9, 10, 11],
      [20, 21, 22, 23],
    ]);
  });

  it("split, chunk and unbind give back what cat and stack join", () => {
    fc.assert(
      fc.property(withAxis, fc.integer({ min: 1, max: 4 }), ([x, dim], n) => {
        expectTensor(ops.cat(ops.split(x, n, dim), dim), nd(x));
        expectTensor(ops.cat(ops.chunk(x, n, dim), dim), nd(x));
        const parts = ops.unbind(x, dim);
        expect(parts.length).toBe(x.shape.at(dim));
        if (parts.length > 0) expectTensor(ops.stack(parts, dim), nd(x));
      }),
    );
  });

  it("split makes parts of a size, or of the sizes given", () => {
    const x = ops.arange(5);
    expect(ops.split(x, 2).map((part) => part.toArray())).toEqual([[0, 1], [2, 3], [4]]);
    expect(ops.split(x, [1, 0, 4]).map((part) => part.toArray())).toEqual([[0], [], [1, 2, 3, 4]]);
    expect(ops.split(ops.zeros([0]), 2).map((part) => part.shape)).toEqual([[0]]);
  });

  it("chunk makes at most so many parts, as PyTorch", () => {
    expect(ops.chunk(ops.arange(7), 3).map((part) => part.size)).toEqual([3, 3, 1]);
    expect(ops.chunk(ops.arange(5), 4).map((part) => part.size)).toEqual([2, 2, 1]);
    expect(ops.chunk(ops.arange(2), 5).map((part) => part.size)).toEqual([1, 1]);
  });

  it("unbind of an empty axis is an empty list", () => {
    expect(ops.unbind(ops.zeros([0, 2]))).toEqual([]);
  });
});

describe("joining", () => {
  it("cat puts tensors behind each other", () => {
    const [a, b] = [tensor([[1, 2]]), tensor([[3, 4]])];
    expect(ops.cat([a, b]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(ops.cat([a, b, a], -1).toArray()).toEqual([[1, 2, 3, 4, 1, 2]]);
  });

  it("cat sends gradients to empty tensors too", () => {
    const parts = [2, 0].map((n) => ops.ones([n], { requiresGrad: true }));
    ops.cat(parts).sum().backward();
    expect(parts.map((part) => part.grad?.toArray())).toEqual([[1, 1], []]);
  });

  it("stack makes a new axis anywhere", () => {
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    expect(ops.stack([a, b]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(ops.stack([a, b], -1).toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });
});

describe("renaming axes", () => {
  const x = ops.arange(6).reshape([1, 2, 3]);

  it("reshape keeps the row-major order and the memory", () => {
    const y = x.reshape([3, -1]);
    expect(y.toArray()).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(y.storage).toBe(x.storage);
    expect(ops.zeros([0, 3]).reshape([-1, 3]).shape).toEqual([0, 3]);
  });

  it("flatten, squeeze, unsqueeze", () => {
    expect([x.flatten().shape, x.flatten(1).shape, x.flatten(0, 1).shape]).toEqual([[6], [1, 6], [2, 3]]);
    expect(tensor(4).flatten().shape).toEqual([1]);
    expect([x.squeeze().shape, x.squeeze(0).shape, x.squeeze([1]).shape]).toEqual([
      [2, 3],
      [2, 3],
      [1, 2, 3],
    ]);
    expect([x.unsqueeze(0).shape, x.unsqueeze(-1).shape]).toEqual([
      [1, 1, 2, 3],
      [1, 2, 3, 1],
    ]);
  });
});

it("pad fills around the last axes", () => {
  expect(
    ops
      .pad(
        tensor([[1, 2]]),
        [
          [1, 0],
          [0, 2],
        ],
        9,
      )
      .toArray(),
  ).toEqual([
    [9, 9, 9, 9],
    [1, 2, 9, 9],
  ]);
  expect(ops.pad(tensor([[1], [2]]), [[1, 0]]).toArray()).toEqual([
    [0, 1],
    [0, 2],
  ]);
  expect(
    ops
      .pad(
        ops.zeros([0, 1]),
        [
          [1, 1],
          [0, 0],
        ],
        5,
      )
      .toArray(),
  ).toEqual([[5], [5]]);
});

describe("pixel shuffle, by PyTorch's index formula", () => {
  const size = fc.integer({ min: 1, max: 3 });

  it("out[…, c, h·r + i, w·r + j] = in[…, c·r² + i·r + j, h, w]", () => {
    const cases = fc
      .tuple(fc.array(size, { maxLength: 2 }), size, size, size, size)
      .chain(([outer, r, c, h, w]) => fc.tuple(tensors([...outer, c * r * r, h, w]), fc.constant(r)));
    fc.assert(
      fc.property(cases, ([x, r]) => {
        const outer = x.shape.slice(0, -3);
        const [c, h, w] = x.shape.slice(-3);
        const want = build([...outer, c / (r * r), h * r, w * r], (index) => {
          const [channel, row, column] = index.slice(-3);
          const from = channel * r * r + (row % r) * r + (column % r);
          return at(nd(x), [...index.slice(0, -3), from, Math.floor(row / r), Math.floor(column / r)]);
        });
        expectTensor(ops.pixelShuffle(x, r), want);
        expectTensor(ops.pixelUnshuffle(ops.pixelShuffle(x, r), r), nd(x));
      }),
    );
  });
});

describe("to and clone", () => {
  it("to rounds to float32 and back, with gradients in the dtype of the source", () => {
    const x = tensor([0.1], { dtype: "float64", requiresGrad: true });
    const y = x.to("float32");
    expect([y.dtype, y.itemSync()]).toEqual(["float32", Math.fround(0.1)]);
    y.mul(3).backward();
    expect([x.grad?.dtype, x.grad?.itemSync()]).toEqual(["float64", 3]);
    expect(x.to("float64")).toBe(x);
    expect(x.to(x.device)).toBe(x);
  });

  it("to moves to another device, and gradients back", () => {
    const contents = new WeakMap<Storage, FloatArray>();
    const other: Device = {
      ...cpu,
      name: "other",
      upload: (data) => {
        const storage: Storage = { device: other, dtype: dtypeOf(data), length: data.length, version: 0 };
        contents.set(storage, data);
        return storage;
      },
      readSync: (storage) => contents.get(storage) ?? new Float32Array(0),
    };
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.to(other);
    expect([y.device.name, y.toArray()]).toEqual(["other", [1, 2]]);
    y.backward(tensor([5, 6], { device: other }));
    expect([x.grad?.device.name, x.grad?.toArray()]).toEqual(["cpu", [5, 6]]);
  });

  it("clone has memory of its own, detach does not", () => {
    const x = tensor([1, 2]);
    const [copy, shared] = [x.clone(), x.detach()];
    x.fill_(7);
    expect([copy.toArray(), shared.toArray()]).toEqual([
      [1, 2],
      [7, 7],
    ]);
  });
});
