import {
  broadcastShapes,
  broadcastStrides,
  checkShape,
  formatShape,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const shapes = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });

/** Every index of a shape in row-major order, by counting. */
function indices(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (found, n) => found.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );
}

const position = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, i, axis) => sum + i * strides[axis], 0);

it("sizeOf counts elements", () => {
  expect([sizeOf([]), sizeOf([3]), sizeOf([2, 0, 5]), sizeOf([2, 3, 4])]).toEqual([1, 3, 0, 24]);
  fc.assert(
    fc.property(shapes, (shape) => {
      expect(sizeOf(shape)).toBe(indices(shape).length);
    }),
  );
});

it("stridesOf leads through the elements one by one", () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const strides = stridesOf(shape);
      expect(indices(shape).map((index) => position(index, strides))).toEqual(indices(shape).map((_, k) => k));
    }),
  );
});

it("sameShape and formatShape", () => {
  expect([sameShape([], []), sameShape([1], []), sameShape([2, 3], [2, 3]), sameShape([2, 3], [3, 2])]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect([formatShape([]), formatShape([2, 3, 8])]).toEqual(["[]", "[2,3,8]"]);
});

describe("checkShape", () => {
  it("accepts whole sizes from 0 on", () => {
    fc.assert(fc.property(shapes, (shape) => checkShape("test", shape)));
  });

  it.each([[[-1]], [[2, 1.5]], [[Number.NaN]], [[Number.POSITIVE_INFINITY, 1]], [[2, -0.5, 3]]])(
    "refuses %o",
    (shape) => {
      expect(() => checkShape("test", shape)).toThrow(
        refusal("ShapeError", `test: sizes must be whole numbers >= 0, got [${shape}]`),
      );
    },
  );

  it("refuses more elements than can be counted", () => {
    expect(() => checkShape("test", [2 ** 30, 2 ** 30])).toThrow(
      refusal("ShapeError", "test: a tensor of shape [1073741824,1073741824] is too large"),
    );
  });
});

describe("broadcasting", () => {
  it("follows NumPy's examples", () => {
    expect(broadcastShapes("test", [[256, 256, 3], [3]])).toEqual([256, 256, 3]);
    expect(
      broadcastShapes("test", [
        [8, 1, 6, 1],
        [7, 1, 5],
      ]),
    ).toEqual([8, 7, 6, 5]);
    expect(
      broadcastShapes("test", [
        [15, 3, 5],
        [15, 1, 5],
      ]),
    ).toEqual([15, 3, 5]);
    expect(broadcastShapes("test", [[], [2]])).toEqual([2]);
    expect(broadcastShapes("test", [[1], [0]])).toEqual([0]);
    expect(broadcastShapes("test", [[2, 0], [1, 1], [0]])).toEqual([2, 0]);
    expect(broadcastShapes("test", [])).toEqual([]);
  });

  it.each<[Shape[], string]>([
    [[[3], [4]], "shapes [3] and [4] do not broadcast: sizes 3 and 4 of axis 0 differ and neither is 1"],
    [
      [
        [2, 1],
        [8, 4, 3],
      ],
      "shapes [2,1] and [8,4,3] do not broadcast: sizes 2 and 4 of axis 1 differ and neither is 1",
    ],
    [[[0], [2]], "shapes [0] and [2] do not broadcast: sizes 0 and 2 of axis 0 differ and neither is 1"],
    [[[2], [0]], "shapes [2] and [0] do not broadcast: sizes 2 and 0 of axis 0 differ and neither is 1"],
    [[[2], [1], [3]], "shapes [2] and [1] and [3] do not broadcast: sizes 2 and 3 of axis 0 differ and neither is 1"],
  ])("refuses %o", (given, text) => {
    expect(() => broadcastShapes("test", given)).toThrow(refusal("ShapeError", `test: ${text}`));
  });

  it("does not depend on the order, and is its own fixed point", () => {
    const pairs = shapes.chain((full) =>
      fc
        .tuple(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.nat({ max: full.length }))
        .map(([ones, drop]) => [full, full.map((n, axis) => (ones[axis] ? 1 : n)).slice(drop)]),
    );
    fc.assert(
      fc.property(pairs, ([full, part]) => {
        expect(broadcastShapes("test", [full, part])).toEqual(full);
        expect(broadcastShapes("test", [part, full])).toEqual(full);
        // The strides repeat the axes that the part lacks or has once.
        const strides = broadcastStrides(part, full);
        const own = stridesOf(part);
        for (const index of indices(full)) {
          const inPart = index.slice(full.length - part.length).map((i, axis) => (part[axis] === 1 ? 0 : i));
          expect(position(index, strides)).toBe(position(inPart, own));
        }
      }),
    );
  });
});
