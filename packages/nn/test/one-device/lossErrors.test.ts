import { ShapeError } from "@squall/device";
import { BCELoss, BCEWithLogitsLoss, bce, bceWithLogits, HuberLoss, huber, L1Loss, l1, MSELoss, mse } from "@squall/nn";
import { tensor, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

describe.each([
  ["bce", bce],
  ["bceWithLogits", bceWithLogits],
  ["mse", mse],
  ["l1", l1],
  ["huber", huber],
] as const)("%s refuses", (name, loss) => {
  it("different shapes, though they would broadcast", () => {
    const call = (): unknown => loss(zeros([4, 3]), zeros([4, 1]));
    expect(call).toThrow(
      refusal(
        "ShapeError",
        `${name}: input and target must have the same shape, got input [4,3] and target [4,1]; reshape or expand one`,
      ),
    );
    try {
      call();
    } catch (error) {
      expect(error).toBeInstanceOf(ShapeError);
      expect(error).toMatchObject({ op: name, expected: [4, 3], got: [4, 1] });
    }
  });

  it("different dtypes", () => {
    expect(() => loss(zeros([2]), zeros([2], { dtype: "float64" }))).toThrow(
      refusal(
        "DTypeError",
        `${name}: inputs have different dtypes: input 0 is float32, input 1 is float64; convert one with to("float32")`,
      ),
    );
  });

  it("what is not a tensor", () => {
    // @ts-expect-error a number is not a tensor
    expect(() => loss(zeros([2]), 1)).toThrow(
      refusal("ArgumentError", `${name}: the target must be a tensor, got number`),
    );
    // @ts-expect-error nor is null
    expect(() => loss(null, zeros([2]))).toThrow(
      refusal("ArgumentError", `${name}: the input must be a tensor, got null`),
    );
  });

  it("a reduction that does not exist", () => {
    // @ts-expect-error "average" is no reduction
    expect(() => loss(zeros([2]), zeros([2]), { reduction: "average" })).toThrow(
      refusal("ArgumentError", `${name}: reduction must be one of "mean", "sum", "none", got "average"`),
    );
  });
});

describe("modules refuse at construction", () => {
  it.each([
    ["BCELoss", BCELoss],
    ["BCEWithLogitsLoss", BCEWithLogitsLoss],
    ["MSELoss", MSELoss],
    ["L1Loss", L1Loss],
    ["HuberLoss", HuberLoss],
  ] as const)("%s with a reduction that does not exist", (name, Loss) => {
    // @ts-expect-error "avg" is no reduction
    expect(() => new Loss({ reduction: "avg" })).toThrow(
      refusal("ArgumentError", `${name}: reduction must be one of "mean", "sum", "none", got "avg"`),
    );
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("HuberLoss with delta %d", (delta) => {
    const text = `delta must be a finite number > 0, got ${delta}`;
    expect(() => new HuberLoss({ delta })).toThrow(refusal("ArgumentError", `HuberLoss: ${text}`));
    expect(() => huber(zeros([1]), zeros([1]), { delta })).toThrow(refusal("ArgumentError", `huber: ${text}`));
  });
});

describe("bce refuses", () => {
  it.each([
    [[0.5, 1.25], "values from 0.5 to 1.25"],
    [[-0.25, 0.5], "values from -0.25 to 0.5"],
    [[0.5, Number.NaN], "NaN among them"],
  ])("%j, which are no probabilities", (values, got) => {
    expect(() => bce(tensor(values), zeros([2]))).toThrow(
      refusal(
        "ArgumentError",
        `bce: the input must hold probabilities in [0, 1], got ${got}; apply a sigmoid first, or use bceWithLogits`,
      ),
    );
  });
});

describe("bceWithLogits refuses", () => {
  it("a posWeight that would enlarge the input", () => {
    expect(() => bceWithLogits(zeros([3]), zeros([3]), { posWeight: zeros([2, 3]) })).toThrow(
      refusal("ShapeError", "bceWithLogits: posWeight [2,3] does not broadcast to the input [3]"),
    );
  });

  it("a posWeight that does not broadcast", () => {
    expect(() => bceWithLogits(zeros([3]), zeros([3]), { posWeight: zeros([2]) })).toThrow(
      refusal(
        "ShapeError",
        "bceWithLogits: shapes [3] and [2] do not broadcast: sizes 3 and 2 of axis 0 differ and neither is 1",
      ),
    );
  });
});
