// One device: the CPU, in float64.
import { init, type SpatialDims, STLSTMCell, type STLSTMCellOptions } from "@squall/nn";
import { conv1d, conv2d, conv3d, Generator, type Tensor, zeros } from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";
import { expectClose } from "./expectClose.ts";
import { leaf, randomise } from "./recurrentArbitrary.ts";

interface Problem {
  readonly cell: STLSTMCell;
  readonly x: Tensor;
  readonly state: { readonly h: Tensor; readonly c: Tensor; readonly m: Tensor } | undefined;
  /** Everything that can have a gradient. */
  readonly leaves: readonly Tensor[];
}

const problems: fc.Arbitrary<Problem> = fc.constantFrom<SpatialDims>(1, 2, 2, 3).chain((dims) => {
  const perAxis = (max: number): fc.Arbitrary<number[]> =>
    fc.array(fc.integer({ min: 1, max }), { minLength: dims, maxLength: dims });
  return fc
    .record({
      inputChannels: fc.integer({ min: 1, max: 3 }),
      hiddenChannels: fc.integer({ min: 1, max: 2 }),
      kernelSize: perAxis(dims === 3 ? 2 : 4),
      bias: fc.boolean(),
      batch: fc.integer({ min: 1, max: 2 }),
      imageSize: perAxis(dims === 3 ? 2 : 4),
      given: fc.boolean(),
      seed: fc.integer(),
    })
    .map(({ batch, imageSize, given, seed, ...options }) => {
      const generator = new Generator(seed);
      const cell = new STLSTMCell({ ...options, spatialDims: dims, dtype: "float64", generator });
      randomise(cell.parameters(), generator);
      const x = leaf([batch, options.inputChannels, ...imageSize], generator);
      const part = (): Tensor => leaf([batch, options.hiddenChannels, ...imageSize], generator);
      const state = given ? { h: part(), c: part(), m: part() } : undefined;
      return { cell, x, state, leaves: [x, ...Object.values(state ?? {}), ...cell.parameters()] };
    });
});

const convolutions = { 1: conv1d, 2: conv2d, 3: conv3d } as const;

/** The paper's equations, with a convolution for every weight of every gate. */
function writtenOut({ cell, x, state }: Problem): Tensor[] {
  const { hiddenChannels: size, spatialDims, inputWeight, stateWeight, memoryWeight, bias } = cell;
  const [batch, , ...imageSize] = x.shape;
  const { h, c, m } = state ?? cell.initialState(batch, imageSize);
  const conv = (from: Tensor, weight: Tensor): Tensor =>
    convolutions[spatialDims](from, weight, undefined, { padding: "same" });
  const rows = (weight: Tensor, k: number): Tensor => weight.narrow(0, k * size, size);
  const columns = (weight: Tensor, k: number): Tensor => weight.narrow(1, k * size, size);
  const ofInput = (k: number): Tensor => {
    const sum = conv(x, rows(inputWeight, k));
    return bias === undefined ? sum : sum.add(rows(bias, k).reshape([size, ...imageSize.map(() => 1)]));
  };
  const [i, f, o, g] = [0, 1, 2, 3].map((k) => ofInput(k).add(conv(h, rows(stateWeight, k))));
  const [i2, f2, g2] = [0, 1, 2].map((k) => ofInput(4 + k).add(conv(m, rows(memoryWeight, k))));
  const cell2 = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
  const memory2 = f2.sigmoid().mul(m).add(i2.sigmoid().mul(g2.tanh()));
  const ofBoth = (weight: Tensor): Tensor => conv(cell2, columns(weight, 0)).add(conv(memory2, columns(weight, 1)));
  const hidden = o.add(ofBoth(cell.outputWeight)).sigmoid().mul(ofBoth(cell.fusionWeight).tanh());
  return [hidden, cell2, memory2];
}

function outputsOf({ cell, x, state }: Problem): Tensor[] {
  const { h, c, m } = cell.forward(x, state);
  return [h, c, m];
}

describe("STLSTMCell", () => {
  it("is its equations, with a convolution for every weight of every gate", () => {
    fc.assert(
      fc.property(problems, (problem) => expectClose(outputsOf(problem), writtenOut(problem))),
      { numRuns: 25 },
    );
  });

  it("has the gradients of finite differences, of first and second order", () => {
    fc.assert(
      fc.property(problems, (problem) => {
        gradcheck(() => outputsOf(problem), problem.leaves, { mode: "projection" });
        gradgradcheck(() => outputsOf(problem), problem.leaves, { mode: "projection" });
      }),
      { numRuns: 8 },
    );
  });

  it("goes through layers and steps in a zigzag", () => {
    const options = { hiddenChannels: 2, kernelSize: [3, 2], dtype: "float64" } as const;
    const generator = new Generator(5);
    const cells = [1, 2].map((inputChannels) => new STLSTMCell({ ...options, inputChannels, generator }));
    const frames = [0, 1, 2].map(() => leaf([1, 1, 3, 3], generator));
    const states = cells.map((cell) => cell.initialState(1, [3, 3]));
    let { m } = states[0];
    for (let frame of frames) {
      for (const [layer, cell] of cells.entries()) {
        states[layer] = cell.forward(frame, { ...states[layer], m });
        ({ h: frame, m } = states[layer]);
      }
    }
    m.sum().backward();
    // The memory at the end has seen the first frame by way of all layers.
    expect(frames[0].grad?.abs().max().itemSync()).toBeGreaterThan(0);
    for (const cell of cells) expect(cell.memoryWeight.grad?.abs().max().itemSync()).toBeGreaterThan(0);
  });

  it("starts with open forget gates, and is the same for the same seed", () => {
    const make = (more: Partial<STLSTMCellOptions> = {}): STLSTMCell =>
      new STLSTMCell({ inputChannels: 2, hiddenChannels: 1, kernelSize: 3, generator: new Generator(1), ...more });
    const cell = make();
    expect(cell.bias?.toArray()).toEqual([0, 1, 0, 0, 0, 1, 0]);
    expect(make({ forgetBias: -2 }).bias?.toArray()).toEqual([0, -2, 0, 0, 0, -2, 0]);
    expect(make({ bias: false }).bias).toBeUndefined();
    expect(cell.namedParameters().map(([name, { shape }]) => [name, shape])).toEqual([
      ["inputWeight", [7, 2, 3, 3]],
      ["stateWeight", [4, 1, 3, 3]],
      ["memoryWeight", [3, 1, 3, 3]],
      ["outputWeight", [1, 2, 3, 3]],
      ["fusionWeight", [1, 2, 1, 1]],
      ["bias", [7]],
    ]);
    expect(make().outputWeight.toArray()).toEqual(cell.outputWeight.toArray());
    const bounds = { inputWeight: 27, memoryWeight: 27, outputWeight: 45, fusionWeight: 2, bias: 27 };
    const drawn = make({ init: "pytorch", hiddenChannels: 1 });
    for (const [name, taps] of Object.entries(bounds)) {
      const parameter = drawn.namedParameters().find(([each]) => each === name)?.[1];
      const largest = parameter?.abs().max().itemSync();
      expect(largest).toBeLessThan(1 / Math.sqrt(taps));
      expect(largest).toBeGreaterThan(0);
    }
    const own = make({ init: { stateWeight: init.ones_ } });
    for (const weight of [own.stateWeight, own.memoryWeight, own.outputWeight, own.fusionWeight]) {
      expect(weight.min().itemSync()).toBe(1);
    }
  });

  const good: STLSTMCellOptions = { inputChannels: 2, hiddenChannels: 3, kernelSize: 3 };
  const unusable: [string, Partial<Record<keyof STLSTMCellOptions, unknown>>, string][] = [
    ["no input", { inputChannels: 0 }, "inputChannels must be a whole number >= 1, got 0"],
    ["half a channel", { hiddenChannels: 1.5 }, "hiddenChannels must be a whole number >= 1, got 1.5"],
    ["four axes", { spatialDims: 4 }, "spatialDims must be 1, 2 or 3, got 4"],
    ["an odd kernel", { kernelSize: [3, 0] }, "kernelSize must be a whole number >= 1, got 0"],
    ["a forget bias of NaN", { forgetBias: Number.NaN }, "forgetBias must be a number, got NaN"],
    [
      "a forget bias without bias",
      { bias: false, forgetBias: 1 },
      "forgetBias is part of the bias, but bias is false; leave one of them out",
    ],
    [
      "unknown initializers",
      { init: "zeros" },
      'init must be one of "lecun", "pytorch", "keras", "brainpy", got "zeros"',
    ],
  ];
  it.each(unusable)("refuses %s", (_, change, message) => {
    expect(() => new STLSTMCell({ ...good, ...change } as STLSTMCellOptions)).toThrow(
      refusal("ArgumentError", `STLSTMCell: ${message}`),
    );
  });

  it("refuses input and states that do not fit", () => {
    const cell = new STLSTMCell(good);
    const x = zeros([1, 2, 4, 5]);
    const state = cell.initialState(1, [4, 5]);
    expect(() => cell.forward(zeros([1, 2, 4]))).toThrow(
      refusal("ShapeError", "STLSTMCell: needs 4 axes [N,C,…], got [1,2,4]"),
    );
    expect(() => cell.forward(zeros([1, 3, 4, 5]))).toThrow(
      refusal("ShapeError", "STLSTMCell: input has 3 channels but the cell expects 2 (input [N,C,…] = [1,3,4,5])"),
    );
    expect(() => cell.forward(zeros([1, 2, 4, 5], { dtype: "float64" }))).toThrow(
      refusal(
        "DTypeError",
        'STLSTMCell: input is float64 but the weights are float32; convert it with to("float32"), or the model with model.to("float64")',
      ),
    );
    expect(() => cell.forward(x, { ...state, m: zeros([1, 2, 4, 5]) })).toThrow(
      refusal("ShapeError", "STLSTMCell: state m has shape [1,2,4,5] but [N,H,…] = [1,3,4,5] is needed"),
    );
    expect(() => cell.forward(x, { ...state, c: zeros([1, 3, 4, 5], { dtype: "float64" }) })).toThrow(
      refusal(
        "DTypeError",
        'STLSTMCell: state c is float64 but the weights are float32; convert it with to("float32"), or the model with model.to("float64")',
      ),
    );
    expect(() => cell.initialState(1, [4])).toThrow(
      refusal("ShapeError", "STLSTMCell.initialState: imageSize needs 2 sizes, got [4]"),
    );
  });
});
