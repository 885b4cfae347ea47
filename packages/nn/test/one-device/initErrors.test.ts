import { init } from "@squall/nn";
import { zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
const matrix = zeros([2, 2]);

describe("initializers refuse", () => {
  it.each([
    ["xavierUniform_", init.xavierUniform_],
    ["xavierNormal_", init.xavierNormal_],
    ["kaimingUniform_", init.kaimingUniform_],
    ["kaimingNormal_", init.kaimingNormal_],
  ] as const)("%s: tensors without inputs and outputs", (name, fill) => {
    expect(() => fill(zeros([3]))).toThrow(
      refusal("ShapeError", `${name}: needs at least two axes [O, I, …] to count inputs and outputs, got shape [3]`),
    );
  });

  it("orthogonal_: a vector", () => {
    expect(() => init.orthogonal_(zeros([3]))).toThrow(
      refusal("ShapeError", "orthogonal_: needs at least two axes, got shape [3]"),
    );
  });

  it("eye_ and sparse_: anything but a matrix", () => {
    expect(() => init.eye_(zeros([2, 2, 2]))).toThrow(
      refusal("ShapeError", "eye_: needs a matrix [n, m], got shape [2,2,2]"),
    );
    expect(() => init.sparse_(zeros([2]), { sparsity: 0.1 })).toThrow(
      refusal("ShapeError", "sparse_: needs a matrix [n, m], got shape [2]"),
    );
  });

  it("dirac_: what is no weight of a convolution, or groups that do not divide it", () => {
    expect(() => init.dirac_(matrix)).toThrow(
      refusal(
        "ShapeError",
        "dirac_: needs the weight of a convolution [O, C/groups, …k] with 3 to 5 axes, got shape [2,2]",
      ),
    );
    expect(() => init.dirac_(zeros([3, 2, 3]), { groups: 2 })).toThrow(
      refusal("ArgumentError", "dirac_: the first size (=3) must be divisible by groups (=2)"),
    );
    expect(() => init.dirac_(zeros([3, 2, 3]), { groups: 0 })).toThrow(
      refusal("ArgumentError", "dirac_: groups must be a whole number >= 1, got 0"),
    );
  });

  it.each<readonly [string, () => unknown, string]>([
    ["uniform_", () => init.uniform_(matrix, { a: nan }), "a must be a finite number, got NaN"],
    ["uniform_", () => init.uniform_(matrix, { b: infinity }), "b must be a finite number, got Infinity"],
    ["uniform_", () => init.uniform_(matrix, { a: 2 }), "a must not be above b, got a = 2, b = 1"],
    ["normal_", () => init.normal_(matrix, { mean: nan }), "mean must be a finite number, got NaN"],
    ["normal_", () => init.normal_(matrix, { std: -1 }), "std must be a finite number >= 0, got -1"],
    ["truncNormal_", () => init.truncNormal_(matrix, { mean: nan }), "mean must be a finite number, got NaN"],
    ["truncNormal_", () => init.truncNormal_(matrix, { std: 0 }), "std must be a finite number > 0, got 0"],
    ["truncNormal_", () => init.truncNormal_(matrix, { a: 3 }), "a must be below b, got a = 3, b = 2"],
    ["truncNormal_", () => init.truncNormal_(matrix, { b: nan }), "a must be below b, got a = -2, b = NaN"],
    ["xavierUniform_", () => init.xavierUniform_(matrix, { gain: nan }), "gain must be a finite number, got NaN"],
    ["xavierNormal_", () => init.xavierNormal_(matrix, { gain: nan }), "gain must be a finite number, got NaN"],
    ["orthogonal_", () => init.orthogonal_(matrix, { gain: infinity }), "gain must be a finite number, got Infinity"],
    ["sparse_", () => init.sparse_(matrix, { sparsity: 1.5 }), "sparsity must be a number in [0, 1], got 1.5"],
    ["sparse_", () => init.sparse_(matrix, { sparsity: 0, std: -1 }), "std must be a finite number >= 0, got -1"],
    ["calculateGain", () => init.calculateGain("leakyRelu", nan), "param must be a finite number, got NaN"],
    ["kaimingNormal_", () => init.kaimingNormal_(matrix, { a: nan }), "a must be a finite number, got NaN"],
    [
      "kaimingUniform_",
      // @ts-expect-error the mode is called "fanIn"
      () => init.kaimingUniform_(matrix, { mode: "fan_in" }),
      'mode must be one of "fanIn", "fanOut", got "fan_in"',
    ],
    [
      "kaimingNormal_",
      // @ts-expect-error the name is "leakyRelu"
      () => init.kaimingNormal_(matrix, { nonlinearity: "leaky_relu" }),
      'nonlinearity must be one of "linear", "conv1d", "conv2d", "conv3d", "convTranspose1d", "convTranspose2d", "convTranspose3d", "sigmoid", "tanh", "relu", "leakyRelu", "selu", got "leaky_relu"',
    ],
  ])("%s: an option out of range", (name, call, text) => {
    expect(call).toThrow(refusal("ArgumentError", `${name}: ${text}`));
    expect(matrix.toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});
