import { convGeometry, convOutputShape, type Device, sizeOf } from "@squall/device";
import { type ConformanceCase, expectStorage, perDType, upload } from "./case.ts";

/** `[rows, columns]` turned over, for a stack of matrices. */
function transposed(values: readonly number[], batch: number, rows: number, columns: number): number[] {
  return values.map((_, k) => {
    const [n, rest] = [Math.floor(k / (rows * columns)), k % (rows * columns)];
    const [column, row] = [Math.floor(rest / rows), rest % rows];
    return n < batch ? (values[n * rows * columns + row * columns + column] ?? 0) : 0;
  });
}

/** Matrix products and convolutions at their edges; the rows of samples have the ordinary ones. */
export function productCases(device: Device): ConformanceCase[] {
  const { kernels } = device;
  return [
    ...perDType(device, "matmul reads either side transposed", async (dtype, what) => {
      const [batch, rows, inner, columns] = [2, 2, 3, 4];
      const a = Array.from({ length: batch * rows * inner }, (_, k) => (k % 5) - 2);
      const b = Array.from({ length: batch * inner * columns }, (_, k) => (k % 7) - 3);
      const want = Array.from({ length: batch * rows * columns }, (_, k) => {
        const [n, i, j] = [Math.floor(k / 8), Math.floor(k / 4) % 2, k % 4];
        let sum = 0;
        for (let q = 0; q < inner; q++) sum += (a[n * 6 + i * 3 + q] ?? 0) * (b[n * 12 + q * 4 + j] ?? 0);
        return sum;
      });
      for (const transposeA of [false, true]) {
        for (const transposeB of [false, true]) {
          const left = upload(device, dtype, transposeA ? transposed(a, batch, rows, inner) : a);
          const right = upload(device, dtype, transposeB ? transposed(b, batch, inner, columns) : b);
          const geometry = { batch, rows, inner, columns, transposeA, transposeB };
          await expectStorage(`${what}, ${transposeA}, ${transposeB}`, kernels.matmul(geometry, left, right), want);
        }
      }
    }),
    ...perDType(device, "matmul over nothing is 0, and of nothing is nothing", async (dtype, what) => {
      const empty = upload(device, dtype, []);
      const geometry = { batch: 1, rows: 2, inner: 0, columns: 2, transposeA: false, transposeB: false };
      await expectStorage(what, kernels.matmul(geometry, empty, empty), [0, 0, 0, 0]);
      const none = { ...geometry, batch: 0, inner: 3 };
      await expectStorage(`${what}, no batch`, kernels.matmul(none, empty, empty), []);
      const two = upload(device, dtype, [1, 2]);
      await expectStorage(`${what}, no rows`, kernels.matmul({ ...geometry, rows: 0, inner: 1 }, empty, two), []);
    }),
    ...perDType(device, "convolutions of an empty batch", async (dtype, what) => {
      const geometry = convGeometry("conv2d", [0, 2, 4, 4], [3, 2, 3, 3]);
      const [empty, weight] = [upload(device, dtype, []), kernels.fill(dtype, 54, 1)];
      const bias = kernels.fill(dtype, 3, 1);
      await expectStorage(`${what}, conv`, kernels.conv(geometry, empty, weight, bias), []);
      await expectStorage(`${what}, input gradient`, kernels.convInputGradient(geometry, empty, weight), []);
      const zeros = Array.from({ length: 54 }, () => 0);
      await expectStorage(`${what}, weight gradient`, kernels.convWeightGradient(geometry, empty, empty), zeros);
    }),
    ...perDType(device, "a convolution that sees padding only gives its bias", async (dtype, what) => {
      const geometry = convGeometry("conv1d", [1, 1, 1], [2, 1, 1], { padding: 2, stride: 2 });
      const [input, weight] = [upload(device, dtype, [3]), upload(device, dtype, [10, 100])];
      const bias = upload(device, dtype, [0.5, -1]);
      await expectStorage(what, kernels.conv(geometry, input, weight, bias), [0.5, 30.5, 0.5, -1, 299, -1]);
      await expectStorage(`${what}, no bias`, kernels.conv(geometry, input, weight, undefined), [0, 30, 0, 0, 300, 0]);
    }),
    ...perDType(
      device,
      "a convolution leaves inputs that no kernel reaches without a gradient",
      async (dtype, what) => {
        const geometry = convGeometry("conv2d", [1, 1, 3, 3], [1, 1, 1, 1], { stride: 2 });
        const size = sizeOf(convOutputShape(geometry));
        const [ones, weight] = [kernels.fill(dtype, size, 1), upload(device, dtype, [4])];
        const want = [4, 0, 4, 0, 0, 0, 4, 0, 4];
        await expectStorage(what, kernels.convInputGradient(geometry, ones, weight), want);
      },
    ),
  ];
}
