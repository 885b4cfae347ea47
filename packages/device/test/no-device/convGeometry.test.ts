import {
  type ConvOptions,
  convGeometry,
  convInputShape,
  convOutputShape,
  convWeightShape,
  perAxis,
  type Shape,
} from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const axisOf = (size: number, kernel: number, options: ConvOptions): object =>
  convGeometry("test", [1, 1, size], [1, 1, kernel], options).axes[0];

describe("a geometry", () => {
  it("carries every number of the convolution", () => {
    const geometry = convGeometry("conv2d", [2, 6, 9, 8], [4, 3, 3, 2], {
      stride: [2, 1],
      padding: [[0, 1], 2],
      dilation: [1, 3],
      groups: 2,
    });
    expect(geometry).toEqual({
      batch: 2,
      inChannels: 6,
      outChannels: 4,
      groups: 2,
      axes: [
        { size: 9, kernel: 3, stride: 2, padBefore: 0, padAfter: 1, dilation: 1, outSize: 4 },
        { size: 8, kernel: 2, stride: 1, padBefore: 2, padAfter: 2, dilation: 3, outSize: 9 },
      ],
    });
    expect(convInputShape(geometry)).toEqual([2, 6, 9, 8]);
    expect(convWeightShape(geometry)).toEqual([4, 3, 3, 2]);
    expect(convOutputShape(geometry)).toEqual([2, 4, 4, 9]);
  });

  it("has as many outputs as places where the whole kernel fits", () => {
    const small = fc.integer({ min: 1, max: 4 });
    const pads = fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }));
    fc.assert(
      fc.property(fc.nat({ max: 12 }), small, small, small, pads, (size, kernel, stride, dilation, [before, after]) => {
        const places: number[] = [];
        for (let start = -before; start + dilation * (kernel - 1) < size + after; start += stride) places.push(start);
        fc.pre(places.length > 0);
        const axis = axisOf(size, kernel, { stride, dilation, padding: [[before, after]] });
        expect(axis).toMatchObject({ outSize: places.length, padBefore: before, padAfter: after });
      }),
      { numRuns: 300 },
    );
  });

  it("may have an empty batch, and an empty image if the padding is wide enough", () => {
    expect(convOutputShape(convGeometry("test", [0, 1, 4], [1, 1, 3]))).toEqual([0, 1, 2]);
    expect(axisOf(0, 3, { padding: 2 })).toMatchObject({ outSize: 2 });
  });
});

describe('"same"', () => {
  it("has ceil(size / stride) outputs and as little padding as that takes, the odd zero after", () => {
    const small = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 15 }), small, small, small, (size, kernel, stride, dilation) => {
        const { padBefore, padAfter, outSize } = convGeometry("test", [1, 1, size], [1, 1, kernel], {
          stride,
          dilation,
          padding: "same",
        }).axes[0];
        expect(outSize).toBe(Math.ceil(size / stride));
        expect(padAfter - padBefore).toBeGreaterThanOrEqual(0);
        expect(padAfter - padBefore).toBeLessThanOrEqual(1);
        const reach = (outSize - 1) * stride + dilation * (kernel - 1) + 1;
        expect(padBefore + padAfter).toBe(Math.max(0, reach - size));
      }),
      { numRuns: 300 },
    );
  });

  // tf.nn: pad_total = max(k - s, 0) if size % s == 0 else max(k - size % s, 0); pad_before = pad_total // 2
  it.each([
    [5, 2, 1, 0, 1],
    [5, 4, 1, 1, 2],
    [6, 4, 2, 1, 1],
    [7, 4, 2, 1, 2],
    [7, 2, 3, 0, 1],
    [6, 2, 3, 0, 0],
    [8, 3, 4, 0, 0],
    [5, 3, 1, 1, 1],
  ])("pads size %i, kernel %i, stride %i by %i and %i as TensorFlow", (size, kernel, stride, padBefore, padAfter) => {
    expect(axisOf(size, kernel, { stride, padding: "same" })).toMatchObject({ padBefore, padAfter });
  });

  it('"valid" pads nothing', () => {
    expect(axisOf(5, 2, { padding: "valid" })).toMatchObject({ padBefore: 0, padAfter: 0, outSize: 4 });
  });
});

describe("convGeometry refuses", () => {
  const axes = [["…"], ["L"], ["H", "W"], ["D", "H", "W"]];
  const sides = (input: Shape, weight: Shape): string => {
    const [space = ["…"], kernel = ["…"]] = [axes[input.length - 2], axes[weight.length - 2]];
    const kernelNames = kernel.map((name) => (name === "…" ? "…k" : `k${name}`));
    return `(input [N,C,${space}] = [${input}], weight [O,I,${kernelNames}] = [${weight}])`;
  };

  it.each<[Shape, Shape, ConvOptions, string]>([
    [[2, 3, 8, 8], [8, 4, 3, 3], {}, "input has 3 channels but weight expects 4"],
    [[2, 3, 8], [4, 3, 3], { groups: 3 }, "input has 3 channels but weight with 3 groups expects 9"],
    [[2, 6, 8], [4, 2, 3], { groups: 3 }, "4 output channels are not divisible by 3 groups"],
    [[2, 3, 8], [4, 3, 3, 3], {}, "input and weight need the same number of axes, 3 to 5"],
    [[2, 3], [4, 3], {}, "input and weight need the same number of axes, 3 to 5"],
    [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1], {}, "input and weight need the same number of axes, 3 to 5"],
    [[2, 0, 8], [4, 0, 3], {}, "a convolution needs at least one input and one output channel"],
    [[2, 3, 8], [0, 3, 3], {}, "a convolution needs at least one input and one output channel"],
    [[2, 3, 8], [4, 3, 0], {}, "kernel sizes must be >= 1"],
  ])("shapes %o and %o", (input, weight, options, text) => {
    expect(() => convGeometry("conv", input, weight, options)).toThrow(
      refusal("ShapeError", `conv: ${text} ${sides(input, weight)}`),
    );
  });

  it("a kernel that reaches beyond the padded input", () => {
    expect(() => convGeometry("conv2d", [1, 1, 4, 4], [1, 1, 3, 3], { dilation: [1, 3], padding: 1 })).toThrow(
      refusal(
        "ShapeError",
        "conv2d: the kernel spans 7 along spatial axis 1 but the padded input has only 6 (input [N,C,H,W] = [1,1,4,4], weight [O,I,kH,kW] = [1,1,3,3]); use a larger padding or a smaller kernel or dilation",
      ),
    );
  });

  it.each<[ConvOptions, string]>([
    [{ stride: 0 }, "stride must be whole numbers >= 1, got [0,0]"],
    [{ stride: [1, 1.5] }, "stride must be whole numbers >= 1, got [1,1.5]"],
    [{ stride: [1] }, "stride has 1 values but there are 2 spatial axes (stride = [1])"],
    [{ dilation: -1 }, "dilation must be whole numbers >= 1, got [-1,-1]"],
    [{ dilation: Number.NaN }, "dilation must be whole numbers >= 1, got [NaN,NaN]"],
    [{ groups: 0 }, "groups must be a whole number >= 1, got 0"],
    [{ groups: Number.NaN }, "groups must be a whole number >= 1, got NaN"],
    [{ padding: -1 }, "padding must be whole numbers >= 0, got [-1,-1]"],
    [{ padding: [[0, 0.5], 1] }, "padding must be whole numbers >= 0, got [0,0.5]"],
    [{ padding: [1] }, "padding has 1 values but there are 2 spatial axes"],
    [JSON.parse('{"padding":"full"}'), 'padding must be a number, one per axis, "same" or "valid", got "full"'],
  ])("options %o", (options, text) => {
    expect(() => convGeometry("conv2d", [1, 1, 4, 4], [1, 1, 2, 2], options)).toThrow(
      refusal("ArgumentError", `conv2d: ${text}`),
    );
  });
});

it("perAxis repeats a number and copies a list", () => {
  const list = [1, 2, 3];
  expect([perAxis("test", "size", 2, 3, 1), perAxis("test", "size", list, 3, 1)]).toEqual([[2, 2, 2], list]);
  expect(perAxis("test", "size", list, 3, 1)).not.toBe(list);
});
