import {
  type ConvGeometry,
  convGeometry,
  convInputShape,
  convOutputShape,
  convWeightShape,
  type FloatArray,
  sizeOf,
  stridesOf,
} from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpu, setKernelPath } from "../src/index.ts";
import { dot, dtype, expectClose, indices, sample, seed, values } from "./samples.ts";

// The loops are the oracle that other paths are compared with; here they are themselves compared with textbook sums.
setKernelPath("loops");

const { conv, convInputGradient, convWeightGradient } = cpu.kernels;

/** Calls `visit` for every product that a convolution sums, by the places of its three numbers. */
function forEachProduct(geometry: ConvGeometry, visit: (output: number, input: number, weight: number) => void): void {
  const { axes, groups, inChannels, outChannels } = geometry;
  const groupChannels = inChannels / groups;
  const inputStrides = stridesOf(convInputShape(geometry));
  const weightStrides = stridesOf(convWeightShape(geometry));
  const taps = [...indices([groupChannels, ...axes.map((axis) => axis.kernel)])];
  let output = 0;
  for (const [n, o, ...position] of indices(convOutputShape(geometry))) {
    const group = Math.floor(o / (outChannels / groups));
    for (const [c, ...tap] of taps) {
      const place = axes.map((axis, a) => position[a] * axis.stride + tap[a] * axis.dilation - axis.padBefore);
      if (place.some((x, a) => x < 0 || x >= axes[a].size)) continue;
      visit(output, dot([n, group * groupChannels + c, ...place], inputStrides), dot([o, c, ...tap], weightStrides));
    }
    output++;
  }
}

function reference(geometry: ConvGeometry, x: FloatArray, w: FloatArray, bias?: FloatArray): Float64Array {
  const outPositions = sizeOf(geometry.axes.map((axis) => axis.outSize));
  const out = new Float64Array(sizeOf(convOutputShape(geometry)));
  if (bias !== undefined) {
    for (let i = 0; i < out.length; i++) out[i] = bias[Math.floor(i / outPositions) % geometry.outChannels];
  }
  forEachProduct(geometry, (o, i, k) => {
    out[o] += x[i] * w[k];
  });
  return out;
}

const axis = fc
  .record({
    size: fc.integer({ min: 1, max: 7 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.nat(3),
    after: fc.nat(3),
  })
  .map((a) => {
    // Enough padding for the kernel to fit at all.
    const lacking = Math.max(0, a.dilation * (a.kernel - 1) + 1 - (a.size + a.before + a.after));
    return { ...a, after: a.after + lacking };
  });

const geometries = fc
  .record({
    batch: fc.nat(3),
    groups: fc.integer({ min: 1, max: 3 }),
    groupIn: fc.integer({ min: 1, max: 3 }),
    groupOut: fc.integer({ min: 1, max: 5 }),
    axes: fc.oneof(
      fc.array(axis, { minLength: 1, maxLength: 1 }),
      fc.array(axis, { minLength: 2, maxLength: 2 }),
      fc.array(axis, { minLength: 3, maxLength: 3 }),
    ),
  })
  .map(({ batch, groups, groupIn, groupOut, axes }) =>
    convGeometry(
      "conv",
      [batch, groups * groupIn, ...axes.map((a) => a.size)],
      [groups * groupOut, groupIn, ...axes.map((a) => a.kernel)],
      {
        groups,
        stride: axes.map((a) => a.stride),
        dilation: axes.map((a) => a.dilation),
        padding: axes.map((a) => [a.before, a.after] as const),
      },
    ),
  )
  .filter((geometry) => sizeOf(convOutputShape(geometry)) * sizeOf(convWeightShape(geometry)) < 100_000);

function operands(geometry: ConvGeometry, type: "float32" | "float64", start: number) {
  return {
    x: sample(type, sizeOf(convInputShape(geometry)), start),
    w: sample(type, sizeOf(convWeightShape(geometry)), start + 1),
    g: sample(type, sizeOf(convOutputShape(geometry)), start + 2),
    bias: sample(type, geometry.outChannels, start + 3),
  };
}

function check(geometry: ConvGeometry, type: "float32" | "float64", start: number): void {
  const { x, w, g, bias } = operands(geometry, type, start);
  const [xs, ws, gs] = [values(x), values(w), values(g)];
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  forEachProduct(geometry, (o, i, k) => {
    dx[i] += gs[o] * ws[k];
    dw[k] += gs[o] * xs[i];
  });
  expectClose(conv(geometry, x, w, undefined), reference(geometry, xs, ws));
  expectClose(conv(geometry, x, w, bias), reference(geometry, xs, ws, values(bias)));
  expectClose(convInputGradient(geometry, g, w), dx);
  expectClose(convWeightGradient(geometry, x, g), dw);
}

describe("conv, convInputGradient, convWeightGradient", () => {
  it("agree with the sum over all products on generated geometries", () => {
    fc.assert(
      fc.property(dtype, geometries, seed, (type, geometry, start) => check(geometry, type, start)),
      {
        numRuns: 250,
      },
    );
  });

  it("are adjoint: <conv(x,w), g> = <x, convInputGradient(g,w)> = <w, convWeightGradient(x,g)>", () => {
    fc.assert(
      fc.property(geometries, seed, (geometry, start) => {
        const { x, w, g } = operands(geometry, "float64", start);
        const y = dot(values(conv(geometry, x, w, undefined)), values(g));
        const scale = 1e-12 * (1 + Math.abs(y)) * (1 + x.length);
        expect(Math.abs(dot(values(x), values(convInputGradient(geometry, g, w))) - y)).toBeLessThan(scale);
        expect(Math.abs(dot(values(w), values(convWeightGradient(geometry, x, g))) - y)).toBeLessThan(scale);
      }),
      { numRuns: 100 },
    );
  });

  it("agree for 1x1 kernels, with and without stride", () => {
    for (const stride of [1, 2]) check(convGeometry("conv", [2, 5, 6, 7], [6, 5, 1, 1], { stride }), "float32", 3);
  });

  it("agree where the summed axis is cut into several runs, with a bias", () => {
    check(convGeometry("conv", [2, 130, 3, 4], [5, 130, 3, 3], { padding: 1 }), "float32", 8);
  });

  it("agree where a kernel tap never touches the input", () => {
    check(convGeometry("conv", [2, 1, 1, 2], [2, 1, 3, 3], { padding: [[4, 5], 3] }), "float64", 4);
  });

  // Slabs larger than the scratch limit: by samples, by rows, and by channels in the input gradient.
  it.each([
    ["samples", [30, 2, 96, 100], [1, 2, 1, 1], { padding: 1 }],
    ["rows", [2, 2, 520, 516], [1, 2, 2, 1], { padding: [1, 0], stride: [2, 3] }],
    ["rows inside the input", [1, 3, 600, 300], [1, 3, 2, 1], { dilation: [3, 1], stride: [1, 2] }],
    ["groups of many rows", [1, 4, 400, 400], [4, 2, 1, 2], { groups: 2, padding: [0, 1], stride: [1, 4] }],
  ] as const)("agree where the work is cut by %s", (_, input, weight, options) => {
    const geometry = convGeometry("conv", [...input], [...weight], options);
    check(geometry, "float32", 7);
  });
});
