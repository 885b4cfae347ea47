import {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvNdOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeNdOptions,
} from "@squall/nn";
import { zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const fits: ConvNdOptions & ConvTransposeNdOptions = { inChannels: 4, outChannels: 6, kernelSize: 3 };

const layers = [
  ["Conv1d", Conv1d, 1],
  ["Conv2d", Conv2d, 2],
  ["Conv3d", Conv3d, 3],
  ["ConvTranspose1d", ConvTranspose1d, 1],
  ["ConvTranspose2d", ConvTranspose2d, 2],
  ["ConvTranspose3d", ConvTranspose3d, 3],
] as const;

describe.each(layers)("%s refuses at construction", (name, Layer, axes) => {
  const perAxis = (value: number): string => `[${Array.from({ length: axes }, () => value).join(",")}]`;

  it.each([0, -2, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("%d channels or groups", (n) => {
    for (const option of ["inChannels", "outChannels", "groups"] as const) {
      expect(() => new Layer({ ...fits, [option]: n })).toThrow(
        refusal("ArgumentError", `${name}: ${option} must be a whole number >= 1, got ${n}`),
      );
    }
  });

  it("groups that do not divide the channels", () => {
    expect(() => new Layer({ ...fits, inChannels: 6, outChannels: 8, groups: 4 })).toThrow(
      refusal("ArgumentError", `${name}: inChannels (=6) must be divisible by groups (=4)`),
    );
    expect(() => new Layer({ ...fits, groups: 4 })).toThrow(
      refusal("ArgumentError", `${name}: outChannels (=6) must be divisible by groups (=4)`),
    );
  });

  it.each([
    ["kernelSize", 0, 1],
    ["kernelSize", Number.NaN, 1],
    ["stride", 0, 1],
    ["dilation", -1, 1],
    ["dilation", 1.5, 1],
  ] as const)("%s %d", (option, value, least) => {
    expect(() => new Layer({ ...fits, [option]: value })).toThrow(
      refusal("ArgumentError", `${name}: ${option} must be whole numbers >= ${least}, got ${perAxis(value)}`),
    );
  });

  it("a wrong number of values", () => {
    for (const option of ["kernelSize", "stride", "dilation"] as const) {
      expect(() => new Layer({ ...fits, [option]: [1, 1, 1, 1] })).toThrow(
        refusal(
          "ArgumentError",
          `${name}: ${option} has 4 values but there are ${axes} spatial axes (${option} = [1,1,1,1])`,
        ),
      );
    }
  });

  it("no kernel size", () => {
    // @ts-expect-error the kernel size is missing
    expect(() => new Layer({ inChannels: 4, outChannels: 6 })).toThrow(
      refusal("ArgumentError", `${name}: kernelSize must be a whole number or one per axis, got undefined`),
    );
  });

  it("positional arguments", () => {
    // @ts-expect-error one options object, not numbers
    expect(() => new Layer(4, 6, 3)).toThrow(refusal("ArgumentError", `${name}: options must be an object, got 4`));
  });
});

describe("padding is checked at construction", () => {
  it("of a convolution", () => {
    expect(() => new Conv2d({ ...fits, padding: -1 })).toThrow(
      refusal("ArgumentError", "Conv2d: padding must be whole numbers >= 0, got [-1,-1]"),
    );
    expect(() => new Conv2d({ ...fits, padding: [1, [0, 0.5]] })).toThrow(
      refusal("ArgumentError", "Conv2d: padding must be whole numbers >= 0, got [0,0.5]"),
    );
    expect(() => new Conv2d({ ...fits, padding: [1, 1, 1] })).toThrow(
      refusal("ArgumentError", "Conv2d: padding has 3 values but there are 2 spatial axes"),
    );
    // @ts-expect-error there is no such padding
    expect(() => new Conv2d({ ...fits, padding: "full" })).toThrow(
      refusal("ArgumentError", 'Conv2d: padding must be a number, one per axis, "same" or "valid", got "full"'),
    );
  });

  it("of a transposed convolution", () => {
    expect(() => new ConvTranspose2d({ ...fits, padding: -1 })).toThrow(
      refusal("ArgumentError", "ConvTranspose2d: padding must be whole numbers >= 0, got [-1,-1]"),
    );
    expect(() => new ConvTranspose2d({ ...fits, stride: 2, outputPadding: [1, 2] })).toThrow(
      refusal(
        "ArgumentError",
        "ConvTranspose2d: outputPadding must be less than stride or dilation, got 2 with stride 2 and dilation 1",
      ),
    );
    // @ts-expect-error a transposed convolution has no such padding
    expect(() => new ConvTranspose2d({ ...fits, padding: "same" })).toThrow(
      refusal("ArgumentError", 'ConvTranspose2d: padding must be a whole number or one per axis, got "same"'),
    );
  });
});

describe("wrong inputs are refused, naming the op and both shapes", () => {
  const conv = new Conv2d(fits);
  const transposed = new ConvTranspose2d(fits);

  it.each([
    [
      "other channels",
      () => conv.forward(zeros([2, 3, 8, 8])),
      /^conv2d: .* 3 channels .* 4 .*\[2,3,8,8\].*\[6,4,3,3\]/,
    ],
    ["no batch axis", () => conv.forward(zeros([4, 8, 8])), /^conv2d: .*\[4,8,8\]/],
    ["smaller than the kernel", () => conv.forward(zeros([2, 4, 8, 2])), /^conv2d: .*\[2,4,8,2\].*\[6,4,3,3\]/],
    ["other channels", () => transposed.forward(zeros([2, 3, 8, 8])), /^convTranspose2d: .*\[2,3,8,8\].*\[4,6,3,3\]/],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(expect.objectContaining({ name: "ShapeError", message: expect.stringMatching(message) }));
  });

  it("another dtype", () => {
    expect(() => conv.forward(zeros([2, 4, 8, 8], { dtype: "float64" }))).toThrow(
      expect.objectContaining({ name: "DTypeError", message: expect.stringMatching(/^conv.*: .*float64.*float32/) }),
    );
  });
});
