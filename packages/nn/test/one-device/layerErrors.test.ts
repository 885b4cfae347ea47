import {
  Dropout,
  ELU,
  Flatten,
  GroupNorm,
  LayerNorm,
  LeakyReLU,
  Linear,
  PixelShuffle,
  PixelUnshuffle,
  Softmax,
  Softplus,
} from "@squall/nn";
import { zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

type Case = readonly [call: () => unknown, message: string];

const named = (cases: readonly Case[]): { call: () => unknown; message: string }[] =>
  cases.map(([call, message]) => ({ call, message }));

describe("at construction", () => {
  const cases: readonly Case[] = [
    [() => new Linear({ inFeatures: 0, outFeatures: 1 }), "Linear: inFeatures must be a whole number >= 1, got 0"],
    [() => new Linear({ inFeatures: 1, outFeatures: 1.5 }), "Linear: outFeatures must be a whole number >= 1, got 1.5"],
    [
      // @ts-expect-error one options object, not numbers
      () => new Linear(3, 4),
      "Linear: options must be an object, got 3",
    ],
    [
      () => new GroupNorm({ numGroups: 4, numChannels: 6 }),
      "GroupNorm: numChannels (=6) must be divisible by numGroups (=4)",
    ],
    [() => new GroupNorm({ numGroups: 0, numChannels: 6 }), "GroupNorm: numGroups must be a whole number >= 1, got 0"],
    [
      () => new GroupNorm({ numGroups: 1, numChannels: nan }),
      "GroupNorm: numChannels must be a whole number >= 1, got NaN",
    ],
    [
      () => new GroupNorm({ numGroups: 1, numChannels: 1, eps: -1 }),
      "GroupNorm: eps must be a finite number >= 0, got -1",
    ],
    [() => new LayerNorm({ normalizedShape: [] }), "LayerNorm: normalizedShape must name at least one axis, got []"],
    [
      () => new LayerNorm({ normalizedShape: [2, 0] }),
      "LayerNorm: each size of normalizedShape must be a whole number >= 1, got 0",
    ],
    [
      // @ts-expect-error the shape is missing
      () => new LayerNorm({}),
      "LayerNorm: each size of normalizedShape must be a whole number >= 1, got undefined",
    ],
    [() => new LayerNorm({ normalizedShape: 2, eps: nan }), "LayerNorm: eps must be a finite number >= 0, got NaN"],
    [() => new Dropout({ p: -0.1 }), "Dropout: p must be a number in [0, 1], got -0.1"],
    [() => new Dropout({ p: 1.1 }), "Dropout: p must be a number in [0, 1], got 1.1"],
    [() => new Dropout({ p: nan }), "Dropout: p must be a number in [0, 1], got NaN"],
    [() => new LeakyReLU({ negativeSlope: nan }), "LeakyReLU: negativeSlope must be a finite number, got NaN"],
    [() => new ELU({ alpha: infinity }), "ELU: alpha must be a finite number, got Infinity"],
    [() => new Softplus({ beta: 0 }), "Softplus: beta must be a finite number > 0, got 0"],
    [() => new Softmax({ dim: 0.5 }), "Softmax: dim must be a whole number, got 0.5"],
    [() => new Flatten({ startDim: nan }), "Flatten: startDim must be a whole number, got NaN"],
    [() => new Flatten({ endDim: 1.5 }), "Flatten: endDim must be a whole number, got 1.5"],
    [() => new PixelShuffle({ upscaleFactor: 0 }), "PixelShuffle: upscaleFactor must be a whole number >= 1, got 0"],
    [
      () => new PixelUnshuffle({ downscaleFactor: 1.5 }),
      "PixelUnshuffle: downscaleFactor must be a whole number >= 1, got 1.5",
    ],
  ];

  it.each(named(cases))("$message", ({ call, message }) => {
    expect(call).toThrow(refusal("ArgumentError", message));
  });
});

describe("wrong inputs", () => {
  const cases: readonly Case[] = [
    [
      () => new Linear({ inFeatures: 4, outFeatures: 3 }).forward(zeros([2, 5])),
      "Linear: the last axis of the input must be inFeatures = 4, got input [2,5] (weight [out,in] = [3,4])",
    ],
    [
      () => new Linear({ inFeatures: 4, outFeatures: 3 }).forward(zeros([])),
      "Linear: the last axis of the input must be inFeatures = 4, got input [] (weight [out,in] = [3,4])",
    ],
    [
      () => new GroupNorm({ numGroups: 2, numChannels: 4 }).forward(zeros([2, 6, 3])),
      "GroupNorm: the input must be [N, C, …] with C = 4 channels, got input [2,6,3]",
    ],
    [
      () => new GroupNorm({ numGroups: 2, numChannels: 4 }).forward(zeros([4])),
      "GroupNorm: the input must be [N, C, …] with C = 4 channels, got input [4]",
    ],
    [
      () => new LayerNorm({ normalizedShape: [3, 4] }).forward(zeros([2, 4, 3])),
      "LayerNorm: the last axes of the input must be [3,4], got input [2,4,3]",
    ],
    [
      () => new LayerNorm({ normalizedShape: [3, 4] }).forward(zeros([4])),
      "LayerNorm: the last axes of the input must be [3,4], got input [4]",
    ],
    [
      () => new PixelShuffle({ upscaleFactor: 2 }).forward(zeros([1, 6, 2, 2])),
      "pixelShuffle: 6 channels must be divisible by 2² = 4 (shape [1,6,2,2])",
    ],
    [
      () => new PixelUnshuffle({ downscaleFactor: 2 }).forward(zeros([1, 1, 3, 2])),
      "pixelUnshuffle: height 3 and width 2 must be divisible by 2 (shape [1,1,3,2]); pad or crop first",
    ],
  ];

  it.each(named(cases))("$message", ({ call, message }) => {
    expect(call).toThrow(refusal("ShapeError", message));
  });

  it("along an axis that does not exist", () => {
    expect(() => new Softmax({ dim: 2 }).forward(zeros([2, 2]))).toThrow(
      expect.objectContaining({
        name: "ShapeError",
        message: expect.stringMatching(/there is no axis 2 in shape \[2,2\]/),
      }),
    );
    expect(() => new Flatten().forward(zeros([2]))).toThrow(
      refusal("ShapeError", "flatten: there is no axis 1 in shape [2]; axes go from -1 to 0"),
    );
  });
});
