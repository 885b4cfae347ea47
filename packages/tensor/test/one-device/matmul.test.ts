import { matmul, ones, zeros } from "@squall/tensor";
import { broadcastableShapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { broadcastAt, broadcastShape, build, expectTensor, type Nd, nd } from "../reference.ts";

/** The product of matrices in the last two axes, by its definition. */
function reference(a: Nd, b: Nd): Nd {
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [n, k, m] = [a.shape.at(-2) ?? 0, a.shape.at(-1) ?? 0, b.shape.at(-1) ?? 0];
  return build([...batch, n, m], (index) => {
    const [i, j] = index.slice(-2);
    const outer = index.slice(0, -2);
    let sum = 0;
    for (let q = 0; q < k; q++) sum += broadcastAt(a, [...outer, i, q]) * broadcastAt(b, [...outer, q, j]);
    return sum;
  });
}

const size = fc.integer({ min: 0, max: 4 });

it("multiplies matrices over batch axes that broadcast", () => {
  const cases = fc
    .tuple(broadcastableShapes({ maxRank: 2, maxSize: 3 }), size, size, size)
    .chain(([[left, right], n, k, m]) => fc.tuple(tensors([...left, n, k]), tensors([...right, k, m])));
  fc.assert(
    fc.property(cases, ([a, b]) => expectTensor(matmul(a, b), reference(nd(a), nd(b)))),
    { numRuns: 200 },
  );
});

it("takes vectors as a row on the left and a column on the right", () => {
  const cases = fc
    .tuple(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }), size, size)
    .chain(([batch, n, k]) =>
      fc.tuple(tensors([k]), tensors([...batch, n, k]), tensors([...batch, k, n]), tensors([k])),
    );
  fc.assert(
    fc.property(cases, ([v, rows, columns, w]) => {
      const row: Nd = { shape: [1, v.size], data: nd(v).data };
      const column: Nd = { shape: [v.size, 1], data: nd(v).data };
      expectTensor(matmul(rows, v), { ...reference(nd(rows), column), shape: rows.shape.slice(0, -1) });
      expectTensor(matmul(v, columns), { ...reference(row, nd(columns)), shape: columns.shape.toSpliced(-2, 1) });
      expectTensor(matmul(v, w), { ...reference(row, { shape: [w.size, 1], data: nd(w).data }), shape: [] });
    }),
    { numRuns: 100 },
  );
});

it("reads operands transposed as if they had been transposed before", () => {
  const cases = fc
    .tuple(broadcastableShapes({ maxRank: 2, maxSize: 3 }), size, size, size)
    .chain(([[left, right], n, k, m]) => fc.tuple(tensors([...left, k, n]), tensors([...right, m, k])));
  fc.assert(
    fc.property(cases, ([a, b]) => {
      const [at, bt] = [a.transpose(-1, -2), b.transpose(-1, -2)];
      expectTensor(matmul(a, b, { transposeA: true, transposeB: true }), nd(matmul(at, bt)));
      expectTensor(matmul(at, b, { transposeB: true }), nd(matmul(at, bt)));
      expectTensor(a.matmul(bt, { transposeA: true }), nd(matmul(at, bt)));
    }),
    { numRuns: 100 },
  );
});

it("names transposed operands whose inner sizes differ", () => {
  expect(() => matmul(ones([2, 3]), ones([3, 4]), { transposeA: true, transposeB: true })).toThrow(
    "matmul: inner sizes differ: 2 and 4 ([2,3] transposed and [3,4] transposed)",
  );
  expect(() => matmul(ones([3]), ones([3, 4]), { transposeA: true, transposeB: true })).toThrow(
    "matmul: inner sizes differ: 3 and 4 ([3] and [3,4] transposed)",
  );
});

it("sums over nothing to 0", () => {
  expect(matmul(ones([2, 0]), ones([0, 3])).toArray()).toEqual(zeros([2, 3]).toArray());
});

it("multiplies large float32 matrices within what float32 sums in any order stay", () => {
  const [a, b] = [ones([64, 300]).mul(0.1), ones([300, 48]).mul(3)];
  // Each of 300 additions rounds a sum of at most 90 by half a unit in its last place.
  for (const value of matmul(a, b).dataSync()) expect(Math.abs(value - 90)).toBeLessThan(300 * 2 ** -24 * 90);
});
