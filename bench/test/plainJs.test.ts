import { ConvLSTM } from "@squall/nn";
import { conv2d, grad, manualSeed, matmul, noGrad, randn, type Tensor } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { conv2dBackward, conv2d as plainConv } from "../src/peers/js/conv.ts";
import { fuse, runLayer } from "../src/peers/js/convlstm.ts";
import { gemm } from "../src/peers/js/gemm.ts";

const size = fc.integer({ min: 1, max: 6 });

function values(tensor: Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}

function expectClose(got: Float32Array, expected: Tensor): void {
  const data = expected.dataSync();
  expect(got).toHaveLength(data.length);
  for (const [k, value] of got.entries()) expect(Math.abs(value - data[k])).toBeLessThan(1e-4);
}

describe("plain JavaScript agrees with Squall", () => {
  test("in products", () => {
    fc.assert(
      fc.property(size, size, fc.integer({ min: 1, max: 9 }), (m, n, k) => {
        const [a, b] = [randn([m, k]), randn([k, n])];
        const y = new Float32Array(m * n);
        const matrix = (tensor: Tensor, columns: number) => ({ data: values(tensor), rowStep: columns, columnStep: 1 });
        gemm([m, n, k], matrix(a, k), matrix(b, n), y);
        expectClose(y, matmul(a, b));
      }),
    );
  });

  test("in convolutions and their gradients", () => {
    const sizes = fc.record({
      batch: fc.integer({ min: 1, max: 2 }),
      channels: fc.integer({ min: 1, max: 3 }),
      outChannels: size,
      height: size,
      width: size,
      kernel: fc.constantFrom(1, 3, 5),
    });
    fc.assert(
      fc.property(sizes, (geometry) => {
        const { batch, channels, outChannels, height, width, kernel } = geometry;
        const x = randn([batch, channels, height, width], { requiresGrad: true });
        const w = randn([outChannels, channels, kernel, kernel], { requiresGrad: true });
        const b = randn([outChannels], { requiresGrad: true });
        const y = conv2d(x, w, b, { padding: (kernel - 1) / 2 });
        expectClose(plainConv(geometry, values(x), values(w), values(b)), y);
        const g = randn(y.shape);
        const [gx, gw, gb] = grad(y, [x, w, b], { gradOutputs: [g] });
        const plain = conv2dBackward(geometry, values(x), values(w), values(g));
        expectClose(plain.x, gx);
        expectClose(plain.w, gw);
        expectClose(plain.b, gb);
      }),
      { numRuns: 40 },
    );
  });

  test("in a ConvLSTM layer", () => {
    manualSeed(3);
    const sizes = { batch: 2, steps: 3, channels: 2, hidden: 3, height: 4, width: 5, kernel: 3 };
    const model = new ConvLSTM({ inputChannels: 2, hiddenChannels: 3, kernelSize: 3, batchFirst: true });
    const x = randn([2, 3, 2, 4, 5]);
    const [[hidden]] = noGrad(() => model.forward(x));
    const weights = model.stateDict();
    const weight = fuse(values(weights["cells.0.inputWeight"]), values(weights["cells.0.stateWeight"]), 12);
    expectClose(runLayer(sizes, values(x), weight, values(weights["cells.0.bias"])), hidden);
  });
});
