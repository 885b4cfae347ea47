// One device: the CPU. What makes images smaller and larger between recurrent layers.
import { ConvLSTM, DownStage, ResizeStage, StageChain, UpStage } from "@squall/nn";
import { conv2d, convTranspose2d, Generator, grad, randn, type Tensor, tensor } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";
import { expectClose } from "./expectClose.ts";

const sizes = fc.record({
  size: fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })),
  stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  kernelSize: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
  inChannels: fc.integer({ min: 1, max: 2 }),
  outChannels: fc.integer({ min: 1, max: 2 }),
  seed: fc.integer(),
});

const numbers = (shape: readonly number[], generator: Generator): Tensor =>
  randn(shape, { dtype: "float64", requiresGrad: true, generator });

describe("stages over generated sizes", () => {
  it("go down by a strided convolution, and up by its transpose to exactly the size it came from", () => {
    fc.assert(
      fc.property(sizes, ({ size, seed, ...options }) => {
        const generator = new Generator(seed);
        const common = { ...options, dtype: "float64", generator } as const;
        const { stride, kernelSize, inChannels, outChannels } = options;
        const down = new DownStage(common);
        const x = numbers([2, inChannels, ...size], generator);
        const small = down.forward(x);
        expect(small.shape.slice(2)).toEqual(down.sizeOf(size));
        expectClose([small], [conv2d(x, down.weight, down.bias, { stride, padding: "same" }).leakyRelu(0.2)]);

        // The whole transposed convolution, of which `size` is cut out behind what the strided convolution pads.
        const up = new UpStage({ ...common, inChannels: outChannels, outChannels: inChannels, activation: "linear" });
        const whole = convTranspose2d(small, up.weight, up.bias, { stride });
        const starts = size.map((n, axis) => {
          const [s, k, out] = [stride[axis] ?? 1, kernelSize[axis] ?? 1, down.sizeOf(size)[axis] ?? 1];
          return Math.floor(Math.max(0, (out - 1) * s + k - n) / 2);
        });
        const result = up.forward(small, size);
        const [height = 0, width = 0] = size.map((n, axis) =>
          Math.min(n, (whole.shape[axis + 2] ?? 0) - (starts[axis] ?? 0)),
        );
        const cut = (y: Tensor, [h = 0, w = 0]: readonly number[]): Tensor =>
          y.narrow(2, h, height).narrow(3, w, width);
        expect(result.shape).toEqual([2, inChannels, ...size]);
        expectClose([cut(result, [0, 0])], [cut(whole, starts)]);
      }),
      { numRuns: 40 },
    );
  });

  it("have the gradients of finite differences", () => {
    fc.assert(
      fc.property(sizes, fc.constantFrom(UpStage, ResizeStage), ({ size, seed, ...options }, Stage) => {
        const generator = new Generator(seed);
        const common = { ...options, activation: "tanh", dtype: "float64", generator } as const;
        const down = new DownStage(common);
        const up = new Stage({ ...common, inChannels: options.outChannels });
        const x = numbers([1, options.inChannels, ...size], generator);
        const leaves = [x, ...down.parameters(), ...up.parameters()];
        gradcheck(() => up.forward(down.forward(x), size), leaves, { mode: "projection" });
      }),
      { numRuns: 15 },
    );
  });
});

describe("ResizeStage", () => {
  it("repeats pixels, cuts what goes beyond, and convolves", () => {
    const stage = new ResizeStage({
      inChannels: 1,
      outChannels: 1,
      stride: [2, 3],
      kernelSize: 1,
      activation: "linear",
    });
    stage.loadStateDict({ weight: tensor([[[[1]]]]), bias: tensor([0]) });
    expect(
      stage
        .forward(
          tensor([
            [
              [
                [1, 2],
                [3, 4],
              ],
            ],
          ]),
          [3, 5],
        )
        .toArray(),
    ).toEqual([
      [
        [
          [1, 1, 1, 2, 2],
          [1, 1, 1, 2, 2],
          [3, 3, 3, 4, 4],
        ],
      ],
    ]);
  });
});

describe("stages before the layers of a ConvLSTM", () => {
  const make = (): ConvLSTM =>
    new ConvLSTM(
      { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, recurrentDropout: 0.5, returnAllLayers: true },
      [new DownStage({ inChannels: 1, outChannels: 2 }), new UpStage({ inChannels: 2, outChannels: 1 })],
    );

  it("enlarge to the states that they lead to, or by their stride where there are none", () => {
    const model = make();
    const x = randn([2, 1, 1, 5, 6]);
    const [layers, states] = model.forward(x);
    expect(layers.map(({ shape }) => shape.slice(3))).toEqual([
      [3, 3],
      [6, 6],
    ]);
    const [first] = states;
    const given = first && [first, { h: randn([1, 3, 5, 6]), c: randn([1, 3, 5, 6]) }];
    expect(model.forward(x, given)[0][1]?.shape).toEqual([2, 1, 3, 5, 6]);
  });

  it("never see frames that do not count", () => {
    const model = make().eval();
    const x = randn([2, 2, 1, 5, 6]);
    const holes = x.mul(tensor([1, 1, 1, Number.NaN], { shape: [2, 2, 1, 1, 1] }));
    const gradients = grad(
      model.forward(holes, undefined, { lengths: [2, 1] })[0][1]?.sum() ?? x.sum(),
      model.parameters(),
    );
    for (const gradient of gradients) expect(Number.isFinite(gradient?.sum().itemSync())).toBe(true);
  });

  it("give the numbers of a whole sequence step by step, with masks drawn once, for the samples at work", () => {
    const model = make();
    const x = randn([3, 2, 1, 4, 4]);
    const noise = model.drawNoise(2, [4, 4]);
    let [, states] = model.step(x.select(0, 0), undefined, { noise });
    [, states] = model.step(x.select(0, 1), states, { noise });
    const [, resumed] = model.step(x.select(0, 1), model.step(x.select(0, 0), undefined, { noise })[1], { noise });
    expect(resumed.map(({ c }) => c.toArray())).toEqual(states.map(({ c }) => c.toArray()));
    const [, after] = model.step(x.select(0, 2), states, { noise, active: [false, true] });
    const sample = (all: typeof states, n: number): unknown => all.map(({ h }) => h.select(0, n).toArray());
    expect(sample(after, 0)).toEqual(sample(states, 0));
    expect(sample(after, 1)).not.toEqual(sample(states, 1));
    expect(() => model.step(x.select(0, 0), states, { active: [true] })).toThrow(
      refusal("ShapeError", "ConvLSTM.step: active has 1 values for a batch of 2"),
    );
  });
});

describe("StageChain", () => {
  it("is its stages in a row, or nothing", () => {
    const [first, second] = [
      new DownStage({ inChannels: 1, outChannels: 2 }),
      new UpStage({ inChannels: 2, outChannels: 3 }),
    ];
    const chain = new StageChain(1, [first, second]);
    const x = randn([2, 1, 5, 4]);
    expect(chain.forward(x, [6, 3]).toArray()).toEqual(second.forward(first.forward(x), [6, 3]).toArray());
    expect([chain.outChannels, chain.sizeOf([5, 4]), chain.sizeOf([5, 4], [6, 3])]).toEqual([3, [6, 4], [6, 3]]);
    expect(new StageChain(7).forward(x, [5, 4])).toBe(x);
    expect([new StageChain(7).outChannels, new StageChain(7).sizeOf([5, 4])]).toEqual([7, [5, 4]]);
  });
});

describe("what does not fit is refused", () => {
  it.each([UpStage, ResizeStage])("%o: sizes that its stride does not lead to", (Stage) => {
    const stage = new Stage({ inChannels: 1, outChannels: 1, stride: [2, 3] });
    expect(() => stage.forward(randn([1, 1, 3, 3]), [5, 6])).toThrow(
      refusal(
        "ShapeError",
        `${Stage.name}: images of [5,6] are made of images of [3,2] with stride [2,3], but these are [3,3]`,
      ),
    );
  });

  it.each([
    [{ stride: 0 }, "DownStage: stride must be whole numbers >= 1, got [0,0]"],
    [{ kernelSize: [3] }, "DownStage: kernelSize has 1 values but there are 2 spatial axes (kernelSize = [3])"],
    [{ inChannels: 0 }, "DownStage: inChannels must be a whole number >= 1, got 0"],
    [{ outChannels: 0.5 }, "DownStage: outChannels must be a whole number >= 1, got 0.5"],
  ])("%o", (change, message) => {
    expect(() => new DownStage({ inChannels: 1, outChannels: 1, ...change })).toThrow(
      refusal("ArgumentError", message),
    );
  });
});
