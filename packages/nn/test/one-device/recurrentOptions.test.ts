// One device: the CPU. Single options of recurrent cells and layers: what they mean, and what is refused.
import {
  type Activation,
  type ActivationName,
  ConvLSTM,
  ConvLSTMCell,
  type ConvLSTMOptions,
  fromConfig,
  init,
} from "@squall/nn";
import { Generator, ones, randn, type Tensor, tensor, zeros } from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "./expectClose.ts";

const common = { inputChannels: 2, hiddenChannels: 4, kernelSize: 3 } as const;

const values = (tensor: Tensor | undefined): number[] => [...(tensor?.dataSync() ?? [])];

/** Mean of squares. */
const power = (tensor: Tensor | undefined): number => {
  const all = values(tensor);
  return all.reduce((sum, each) => sum + each * each, 0) / all.length;
};

describe("sizes of the states", () => {
  it("are those that the input convolution makes; the state convolution keeps them", () => {
    const cases: [Partial<ConvLSTMOptions>, number[]][] = [
      [{}, [9, 7]],
      [{ padding: "valid" }, [7, 5]],
      [{ stride: 2 }, [5, 4]],
      [{ stride: [3, 1], padding: 1 }, [3, 7]],
      [{ dilation: 2, padding: 0 }, [5, 3]],
      [{ kernelSize: [2, 4], stateKernelSize: [4, 2] }, [9, 7]],
      [{ kernelSize: 4, padding: [[0, 1], 2] }, [7, 8]],
      [{ stride: 2, dilation: 2, padding: 2 }, [5, 4]],
    ];
    for (const [options, size] of cases) {
      const model = new ConvLSTM({ ...common, ...options });
      const [[hidden], [last]] = model.forward(zeros([2, 1, 2, 9, 7]));
      expect(hidden?.shape).toEqual([2, 1, 4, ...size]);
      expect(last?.c.shape).toEqual([1, 4, ...size]);
    }
  });

  it("shrink from layer to layer, with options of single layers", () => {
    const model = new ConvLSTM({
      ...common,
      hiddenChannels: [2, 3],
      returnAllLayers: true,
      layers: [{ stride: 2 }, { peephole: "full" }],
      imageSize: [8, 8],
    });
    const [outputs] = model.forward(zeros([1, 1, 2, 8, 8]));
    expect(outputs.map(({ shape }) => shape)).toEqual([
      [1, 1, 2, 4, 4],
      [1, 1, 3, 4, 4],
    ]);
    expect(model.cells.at(1).peephole?.shape).toEqual([3, 3, 4, 4]);
    expect(model.cells.at(0).peephole).toBeUndefined();
  });
});

describe("activations", () => {
  it.each<[Activation, (x: number) => number]>([
    ["sigmoid", (x) => 1 / (1 + Math.exp(-x))],
    ["hardSigmoid", (x) => Math.min(1, Math.max(0, x / 6 + 0.5))],
    ["hardSigmoidKeras2", (x) => Math.min(1, Math.max(0, 0.2 * x + 0.5))],
    ["tanh", Math.tanh],
    ["relu", (x) => Math.max(0, x)],
    ["leakyRelu", (x) => (x > 0 ? x : 0.2 * x)],
    ["elu", (x) => (x > 0 ? x : Math.exp(x) - 1)],
    ["selu", (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (Math.exp(x) - 1))],
    ["silu", (x) => x / (1 + Math.exp(-x))],
    ["softplus", (x) => Math.log(1 + Math.exp(x))],
    ["softsign", (x) => x / (1 + Math.abs(x))],
    ["linear", (x) => x],
    [(x: Tensor) => x.sin(), Math.sin],
  ])("%s", (activation, expected) => {
    const { activation: fn } = new ConvLSTMCell({ ...common, activation });
    const inputs = [-9, -3.5, -3, -2.5, -1, -0.1, 0, 0.1, 1, 2.5, 3, 3.5, 9];
    const ours = values(fn(tensor(inputs, { dtype: "float64" })));
    for (const [k, x] of inputs.entries()) expect(ours[k]).toBeCloseTo(expected(x), 12);
    const away = tensor([-9.1, -2.4, -0.3, 0.7, 2.2, 8.8], { dtype: "float64", requiresGrad: true });
    gradcheck((x) => fn(x), [away]);
    gradgradcheck((x) => fn(x), [away]);
  });

  it.each(["elu", "selu", "silu", "softplus", "softsign"] as const)(
    "%s stays finite far out, with its slope",
    (activation) => {
      const { activation: fn } = new ConvLSTMCell({ ...common, activation });
      const x = tensor([-1e4, 1e4], { requiresGrad: true });
      const y = fn(x);
      y.sum().backward();
      for (const value of [...values(y), ...values(x.grad)]) expect(value).toSatisfy(Number.isFinite);
      const slopes = { elu: [0, 1], selu: [0, 1.0507], silu: [0, 1], softplus: [0, 1], softsign: [1e-8, 1e-8] };
      for (const [k, slope] of slopes[activation].entries()) expect(values(x.grad)[k]).toBeCloseTo(slope, 4);
      if (activation === "softsign") expect(values(x.grad)[1]).toBeGreaterThan(0.99e-8);
    },
  );

  it("are saved by name", () => {
    const names: readonly ActivationName[] = ["elu", "selu", "silu", "softplus", "softsign"];
    for (const activation of names) {
      const model = new ConvLSTM({ ...common, activation, recurrentActivation: "sigmoid" });
      const again = fromConfig(JSON.parse(JSON.stringify(model.config)));
      expect(again.config).toEqual(model.config);
      expect(again.config.activation).toBe(activation);
      again.loadStateDict(model.stateDict());
      const x = randn([2, 1, 2, 4, 4]);
      if (!(again instanceof ConvLSTM)) throw new Error("not a ConvLSTM");
      expect(again.forward(x)[0][0]?.toArray()).toEqual(model.forward(x)[0][0]?.toArray());
    }
  });

  it("have slope 0 where a hard sigmoid bends, as in PyTorch", () => {
    const { recurrentActivation: gate } = new ConvLSTMCell({ ...common, recurrentActivation: "hardSigmoid" });
    const x = tensor([-3, 3, 0], { requiresGrad: true });
    gate(x).sum().backward();
    expect(values(x.grad)).toEqual([0, 0, Math.fround(1 / 6)]);
  });

  it("of your own must keep the shape", () => {
    const model = new ConvLSTM({ ...common, activation: (x) => x.sum() });
    expect(() => model.forward(zeros([1, 1, 2, 4, 4]))).toThrow(
      "ConvLSTMCell: activation must keep the shape, but made [] of [1,4,4,4]",
    );
  });
});

describe("norms", () => {
  it("make each gate's pre-activations mean 0 and variance 1, and leave the bias its meaning", () => {
    for (const [norm, normGroups] of [
      ["group", 1],
      ["group", 2],
      ["layer", 1],
    ] as const) {
      const cell = new ConvLSTMCell({
        ...common,
        norm,
        normGroups,
        imageSize: [8, 8],
        dtype: "float64",
        // Gates and candidate show their pre-activations.
        activation: "linear",
        recurrentActivation: "linear",
      });
      const x = randn([3, 2, 8, 8], { dtype: "float64" }).mul(5).add(2);
      const state = { h: zeros([3, 4, 8, 8], { dtype: "float64" }), c: ones([3, 4, 8, 8], { dtype: "float64" }) };
      cell.bias?.requiresGrad_(false).fill_(0);
      cell.normWeight?.requiresGrad_(false);
      cell.inputWeight?.requiresGrad_(false).narrow(0, 0, 4);
      // c' = f∘1 + i∘g; with i = 0 it is the forget gate itself.
      const weight = cell.inputWeight;
      weight?.copy_(
        weight.mul(
          tensor([0, 1, 1, 1], { dtype: "float64", shape: [4, 1] })
            .expand([4, 4])
            .reshape([16, 1, 1, 1]),
        ),
      );
      const { c } = cell.forward(x, state);
      const grouped = c.detach().reshape([3, normGroups, -1]);
      expectClose(
        [grouped.mean(2), grouped.square().mean(2)],
        [zeros([3, normGroups], { dtype: "float64" }), ones([3, normGroups], { dtype: "float64" })],
        1e-3,
      );
      expect(cell.normWeight?.shape).toEqual(norm === "layer" ? [16, 8, 8] : [16]);
    }
    const fresh = new ConvLSTMCell({ ...common, norm: "group" });
    expect(values(fresh.bias).slice(4, 8)).toEqual([1, 1, 1, 1]);
  });
});

describe("learned initial states", () => {
  it("take the place of zeros, for any image size, and learn", () => {
    const model = new ConvLSTM({ ...common, learnedInitialState: true });
    const cell = model.cells.at(0);
    expect(cell.learnedState?.shape).toEqual([2, 4, 1, 1]);
    cell.learnedState?.requiresGrad_(false).copy_(randn([2, 4, 1, 1]));
    cell.learnedState?.requiresGrad_(true);
    const [h, c] = cell.learnedState?.detach().unbind(0) ?? [];
    if (h === undefined || c === undefined) throw new Error("two parts");
    for (const size of [
      [4, 4],
      [5, 3],
    ]) {
      const x = randn([2, 3, 2, ...size]);
      const state = { h: h.expand([3, 4, ...size]), c: c.expand([3, 4, ...size]) };
      expectClose([model.forward(x)[0][0]], [model.forward(x, [state])[0][0]], 1e-6);
    }
    model
      .forward(randn([2, 3, 2, 4, 4]))[0][0]
      ?.square()
      .sum()
      .backward();
    expect(cell.learnedState?.grad?.abs().min().itemSync()).toBeGreaterThan(0);
  });
});

describe("initial weights", () => {
  const big = {
    inputChannels: 16,
    hiddenChannels: 24,
    kernelSize: 3,
    peephole: "channel",
    stateKernelSize: 5,
  } as const;
  const cellOf = (preset: ConvLSTMOptions["init"]): ConvLSTMCell =>
    new ConvLSTMCell({ ...big, ...(preset !== undefined && { init: preset }), generator: new Generator(11) });
  const taps = 16 * 9 + 24 * 25;
  const bound = (tensor: Tensor | undefined): number => Math.max(...values(tensor).map(Math.abs));

  it("lecun: variance 1 over the taps of a gate, forget bias 1", () => {
    const cell = cellOf(undefined);
    for (const weight of [cell.inputWeight, cell.stateWeight]) {
      expect(power(weight) * taps).toBeCloseTo(1, 1);
      expect(bound(weight)).toBeLessThanOrEqual(Math.sqrt(3 / taps) + 1e-7);
    }
    expect([...new Set(values(cell.bias))].sort()).toEqual([0, 1]);
  });

  it("pytorch: uniform in ±1/√fanIn of the convolution over cat(x, h), bias too, no forget bias", () => {
    const cell = cellOf("pytorch");
    for (const each of [cell.inputWeight, cell.stateWeight, cell.bias]) {
      expect(bound(each)).toBeLessThanOrEqual(1 / Math.sqrt(taps));
      expect(bound(each)).toBeGreaterThan(0.9 / Math.sqrt(taps));
    }
    expect(power(cell.bias) * taps * 3).toBeCloseTo(1, 0);
  });

  it("keras: Glorot uniform input, orthogonal state, unit forget bias", () => {
    const cell = cellOf("keras");
    const limit = Math.sqrt(6 / (16 * 9 + 96 * 9));
    expect(bound(cell.inputWeight)).toBeLessThanOrEqual(limit);
    expect(bound(cell.inputWeight)).toBeGreaterThan(0.99 * limit);
    const rows = cell.stateWeight.reshape([96, 600]).to("float64");
    const gram = rows.matmul(rows.transpose(0, 1));
    expect(values(gram).every((each, k) => Math.abs(each - (k % 97 === 0 ? 1 : 0)) < 1e-5)).toBe(true);
    expect(values(cell.bias)).toEqual(Array.from({ length: 96 }, (_, k) => (k >= 24 && k < 48 ? 1 : 0)));
  });

  it("brainpy: Xavier normal cut off at two standard deviations, forget bias 1", () => {
    const cell = cellOf("brainpy");
    const variance = 2 / (16 * 9 + 96 * 9);
    expect(power(cell.inputWeight) / variance).toBeCloseTo(1, 1);
    expect(bound(cell.inputWeight)).toBeLessThanOrEqual((2 * Math.sqrt(variance)) / 0.8796256610342398 + 1e-7);
    expect(values(cell.bias).filter((each) => each === 1).length).toBe(24);
  });

  it("are your own, per group of weights, with a forget bias on top", () => {
    const cell = new ConvLSTMCell({
      ...big,
      forgetBias: 0.5,
      init: {
        inputWeight: init.orthogonal_,
        stateWeight: (weight) => init.constant_(weight, 0.25),
        bias: (bias) => init.constant_(bias, 2),
        peephole: (weight) => init.constant_(weight, -1),
      },
    });
    expect([...new Set(values(cell.stateWeight))]).toEqual([0.25]);
    expect([...new Set(values(cell.peephole))]).toEqual([-1]);
    expect(values(cell.bias).slice(23, 25)).toEqual([2, 2.5]);
  });

  it("take no part in the config if they are functions, which JSON cannot hold; activations of your own are refused", () => {
    expect(new ConvLSTM({ ...common, init: "keras" }).config).toEqual({
      type: "ConvLSTM",
      ...common,
      init: "keras",
      dtype: "float32",
    });
    expect(new ConvLSTM({ ...common, init: { bias: init.ones_ } }).config).toEqual({
      type: "ConvLSTM",
      ...common,
      dtype: "float32",
    });
    expect(() => new ConvLSTM({ ...common, activation: (x) => x }).config).toThrow(
      "ConvLSTM.config: activation is a function, which a config cannot hold",
    );
  });
});

describe("options that cannot be used are refused at construction", () => {
  it.each<[string, Partial<Record<keyof ConvLSTMOptions, unknown>>, string]>([
    ["groups", { groups: 3 }, "ConvLSTMCell: inputChannels (=2) must be divisible by groups (=3)"],
    ["stateGroups", { stateGroups: 3 }, "ConvLSTMCell: hiddenChannels (=4) must be divisible by stateGroups (=3)"],
    ["stride", { stride: [2] }, "stride has 1 values but there are 2 spatial axes"],
    ["padding", { padding: "full" }, 'padding must be a number, one per axis, "same" or "valid", got "full"'],
    ["dilation", { dilation: 0 }, "dilation must be whole numbers >= 1, got [0,0]"],
    [
      "a kernel larger than the padded image",
      { padding: 0, imageSize: [2, 5] },
      "the kernel spans 3 along spatial axis 0 but the padded input has only 2",
    ],
    ["norm", { norm: "batch" }, 'norm must be one of "none", "group", "layer", got "batch"'],
    ["normGroups", { norm: "group", normGroups: 3 }, "hiddenChannels (=4) must be divisible by normGroups (=3)"],
    ["normGroups without norm", { normGroups: 2 }, 'normGroups (=2) is for the norm "group", but norm is "none"'],
    [
      "a layer norm without sizes",
      { norm: "layer" },
      'the norm "layer" has a weight per position, so it needs imageSize with 2 sizes, got none; or use the norm "group", which fits every size',
    ],
    [
      "a forget bias without bias",
      { bias: false, forgetBias: 1 },
      "forgetBias is a part of the bias, but bias is false; leave one of them out",
    ],
    ["activation", { activation: "softmax" }, 'activation must be a function or one of "sigmoid", "hardSigmoid"'],
    ["inputDropout", { inputDropout: 1 }, "inputDropout must be a number in [0, 1), got 1"],
    ["layerDropout", { layerDropout: -0.1 }, "layerDropout must be a number in [0, 1), got -0.1"],
    ["init", { init: "glorot" }, 'init must be one of "lecun", "pytorch", "keras", "brainpy", got "glorot"'],
    ["checkpoint", { checkpoint: 0 }, "checkpoint must be a whole number >= 1, got 0"],
    ["layers", { layers: [{}, {}] }, "ConvLSTM: layers has options for 2 layers, but there are 1"],
    [
      "a peephole kernel without convolution",
      { peepholeKernelSize: 3 },
      'peepholeKernelSize is for the peephole "conv", but peephole is "none"',
    ],
    [
      "input options without input",
      { inputChannels: 0, stride: 2 },
      "stride is about the input, but inputChannels is 0: there is none; leave stride out",
    ],
  ])("%s", (_, change, message) => {
    expect(() => new ConvLSTM({ ...common, ...change } as ConvLSTMOptions)).toThrow(message);
  });

  it("or at the call, where the image decides", () => {
    const model = new ConvLSTM({ ...common, padding: "valid" });
    expect(() => model.forward(zeros([1, 1, 2, 2, 5]))).toThrow(
      "ConvLSTM layer 0: the kernel spans 3 along spatial axis 0 but the padded input has only 2",
    );
  });
});

describe("even and rectangular kernels", () => {
  it("keep the size, in both convolutions, over one to three axes", () => {
    const kernels = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3), kernels, kernels, (dims, kernel, stateKernel) => {
        const model = new ConvLSTM({
          inputChannels: 1,
          hiddenChannels: 1,
          spatialDims: dims === 1 ? 1 : dims === 2 ? 2 : 3,
          kernelSize: kernel.slice(0, dims),
          stateKernelSize: stateKernel.slice(0, dims),
        });
        const size = [3, 4, 2].slice(0, dims);
        expect(model.forward(zeros([2, 1, 1, ...size]))[0][0]?.shape).toEqual([2, 1, 1, ...size]);
      }),
      { numRuns: 20 },
    );
  });
});
