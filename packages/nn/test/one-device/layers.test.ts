import {
  ELU,
  Flatten,
  GroupNorm,
  Identity,
  LayerNorm,
  LeakyReLU,
  Linear,
  type ModuleOptions,
  PixelShuffle,
  PixelUnshuffle,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
  type TensorModule,
} from "@squall/nn";
import { Generator, randn, type Tensor, zeros } from "@squall/tensor";
import { awayFrom, gradcheck, gradgradcheck, shapes, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose, ramp, runLayer } from "../pytorch.ts";

const float64: ModuleOptions = { dtype: "float64" };

function expectGradients(layer: TensorModule, x: Tensor): void {
  const inputs = [x, ...layer.parameters()];
  gradcheck(() => layer.forward(x), inputs);
  gradgradcheck(() => layer.forward(x), inputs);
}

const runs = { numRuns: 20 };
const size = fc.integer({ min: 1, max: 3 });

describe("gradients of first and second order over generated options", () => {
  it("Linear", () => {
    const problem = fc.record({
      outer: shapes({ maxRank: 2, maxSize: 3 }),
      inFeatures: size,
      outFeatures: size,
      bias: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(problem, ({ outer, seed, ...options }) => {
        const generator = new Generator(seed);
        const layer = new Linear({ ...options, ...float64, generator });
        expectGradients(layer, randn([...outer, options.inFeatures], { ...float64, generator, requiresGrad: true }));
      }),
      runs,
    );
  });

  it("GroupNorm", () => {
    const problem = fc.record({
      batch: size,
      numGroups: size,
      perGroup: fc.integer({ min: 2, max: 3 }),
      space: shapes({ maxRank: 2, maxSize: 2 }),
      affine: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(problem, ({ batch, numGroups, perGroup, space, affine, seed }) => {
        const generator = new Generator(seed);
        const numChannels = numGroups * perGroup;
        const layer = new GroupNorm({ numGroups, numChannels, affine, eps: 0.1, ...float64 });
        expectGradients(layer, randn([batch, numChannels, ...space], { ...float64, generator, requiresGrad: true }));
      }),
      runs,
    );
  });

  it("LayerNorm", () => {
    const problem = fc.record({
      outer: shapes({ maxRank: 2, maxSize: 2 }),
      normalizedShape: shapes({ minRank: 1, maxRank: 2, minSize: 2, maxSize: 3 }),
      elementwiseAffine: fc.boolean(),
      bias: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(problem, ({ outer, seed, ...options }) => {
        const generator = new Generator(seed);
        const layer = new LayerNorm({ ...options, eps: 0.1, ...float64 });
        const shape = [...outer, ...options.normalizedShape];
        expectGradients(layer, randn(shape, { ...float64, generator, requiresGrad: true }));
      }),
      runs,
    );
  });

  it.each<readonly [string, (option: number) => TensorModule]>([
    ["Sigmoid", () => new Sigmoid()],
    ["Tanh", () => new Tanh()],
    ["ReLU", () => new ReLU()],
    ["LeakyReLU", (negativeSlope) => new LeakyReLU({ negativeSlope })],
    ["ELU", (alpha) => new ELU({ alpha })],
    ["SiLU", () => new SiLU()],
    ["Softplus", (beta) => new Softplus({ beta })],
    ["Softmax", () => new Softmax({ dim: -1 })],
    ["Flatten", () => new Flatten({ startDim: 0 })],
    ["Identity", () => new Identity()],
  ])("%s", (_, make) => {
    const options = fc.double({ min: 0.1, max: 2, noNaN: true });
    fc.assert(
      fc.property(tensors(shapes({ minRank: 1 }), { keep: awayFrom([0]) }), options, (x, option) => {
        expectGradients(make(option), x);
      }),
      runs,
    );
  });

  it("PixelShuffle and PixelUnshuffle", () => {
    expectGradients(new PixelShuffle({ upscaleFactor: 2 }), randn([1, 4, 2, 2], { ...float64, requiresGrad: true }));
    expectGradients(
      new PixelUnshuffle({ downscaleFactor: 2 }),
      randn([1, 1, 4, 4], { ...float64, requiresGrad: true }),
    );
  });
});

describe("the numbers of PyTorch", () => {
  it.each<readonly [string, TensorModule, Tensor, readonly (readonly number[])[]]>([
    [
      "layer(nn.Linear(3, 2), ramp(2, 3))",
      new Linear({ inFeatures: 3, outFeatures: 2, ...float64 }),
      ramp(2, 3),
      [
        [0.89296037625623, 0.97158336838876, 0.35780614822442, 1.64464189544073],
        [
          -0.09241895096452, 0.68121592436431, -0.08312289159704, 0.31574601778093, -0.43281744082228,
          -0.20421372921088,
        ],
        [0.47109391693849, 0.74367413394267, -0.6627305523555, 0.88233315182555, -0.09381225693301, -0.85815876621904],
        [0.77279790530691, -0.2824621737464],
      ],
    ],
    [
      "layer(nn.GroupNorm(2, 4), ramp(1, 4, 3))",
      new GroupNorm({ numGroups: 2, numChannels: 4, ...float64 }),
      ramp(1, 4, 3),
      [
        [
          0.31712349505681, 0.45995126276147, 0.12506064096015, 0.21086411312145, 1.28612423599926, 1.18298129878534,
          -0.24936653991586, -0.45487231392926, -0.97910800598914, -0.93126859614698, -0.29468131435677,
          -0.95548046154701,
        ],
        [
          0.40339328308892, 0.21426921139802, 0.2537323815484, -0.30072069600453, -0.54277664196899, -0.02789753806182,
          -0.36550648091526, -0.46039550535265, -0.18105814446731, 0.11742982532118, 0.39703438418564, 0.49249592122841,
        ],
        [1.10005365917086, 0.5186863435699, 0.07681560634669, 0.60697372632844],
        [1.39440787357758, -2.01162635778199, 2.2429028268583, -2.04386556824583],
      ],
    ],
    [
      "layer(nn.LayerNorm([2, 3]), ramp(2, 2, 3))",
      new LayerNorm({ normalizedShape: [2, 3], ...float64 }),
      ramp(2, 2, 3),
      [
        [
          0.31712349505681, 1.41524163243943, -0.22422036088315, -0.17920241882691, 1.03106499825028, 0.76096784189143,
          0.1390861168587, 0.78064554803852, -0.97910800598914, -0.93126859614698, 0.27798062453553, 0.72321769236389,
        ],
        [
          0.13640614564239, 0.49542538777529, -0.19869687805512, 0.19860166938138, -0.5074920671851, -0.12424425755885,
          0.12113475481576, 0.69146397646617, -0.13880980502925, 0.18523422059576, -0.52013408862493, -0.3388890582235,
        ],
        [-0.525746207574, 0.40881292308247, 1.29380255000908, 1.28893133658515, 0.38410986615022, -0.54738113283703],
        [1.63469287594263, 1.62146860465408, 0.38114921983917, -1.14761629575285, -1.80788867821882, -1.09998695205614],
      ],
    ],
    [
      "layer(nn.Softplus(beta=2.0), ramp(1, 5))",
      new Softplus({ beta: 2 }),
      ramp(1, 5),
      [
        [0.51585616377392, 0.98447785810195, 0.14878007490378, 0.09663036282029, 0.83357881908989],
        [0.64360382919889, 0.53483162238391, -0.058475477293, -0.15887527486386, -0.72746576812462],
      ],
    ],
    [
      "layer(nn.ELU(alpha=0.7), ramp(1, 5))",
      new ELU({ alpha: 0.7 }),
      ramp(1, 5),
      [
        [0.29552020666134, 0.90929742682568, -0.28790900190056, -0.37678561054404, 0.72896904012588],
        [1, 0.62160996827066, -0.09362793797236, -0.29220912540618, -0.89675841633415],
      ],
    ],
    [
      "layer(nn.LeakyReLU(0.2), ramp(1, 5))",
      new LeakyReLU({ negativeSlope: 0.2 }),
      ramp(1, 5),
      [
        [0.29552020666134, 0.90929742682568, -0.1059672281817, -0.1545528975112, 0.72896904012588],
        [1, 0.62160996827066, -0.04544041893862, -0.18081442840341, -0.89675841633415],
      ],
    ],
    [
      "layer(nn.SiLU(), ramp(1, 5))",
      new SiLU(),
      ramp(1, 5),
      [
        [0.16943563297067, 0.64819846569956, -0.19633348755568, -0.24410192488737, 0.49174720231039],
        [0.64563724652655, 0.55881644070202, -0.05611300904087, -0.1346043426999, -0.74843803904888],
      ],
    ],
  ])("%s", (_, layer, input, expected) => {
    const { y, dx, gradients } = runLayer(layer, input);
    expect(2 + gradients.length).toBe(expected.length);
    for (const [k, tensor] of [y, dx, ...gradients].entries()) expectClose(tensor, expected[k] ?? []);
  });
});

describe("defaults and bookkeeping", () => {
  it("Linear starts uniform in ±1/√inFeatures, weight [out, in]", () => {
    const layer = new Linear({ inFeatures: 100, outFeatures: 40, generator: new Generator(3) });
    expect(layer.weight.shape).toEqual([40, 100]);
    for (const { data, tightness } of [
      { data: layer.weight.dataSync(), tightness: 0.99 },
      { data: layer.bias?.dataSync() ?? [], tightness: 0.8 },
    ]) {
      const most = Math.max(...[...data].map(Math.abs));
      expect(most).toBeLessThanOrEqual(0.1);
      expect(most).toBeGreaterThan(0.1 * tightness);
    }
  });

  it("norms start as the identity on normalized data", () => {
    const group = new GroupNorm({ numGroups: 1, numChannels: 2 });
    const layer = new LayerNorm({ normalizedShape: 3 });
    expect([group.eps, layer.eps]).toEqual([1e-5, 1e-5]);
    expect(group.weight?.toArray()).toEqual([1, 1]);
    expect(layer.bias?.toArray()).toEqual([0, 0, 0]);
    const y = group.forward(randn([2, 2, 8, 8]).mul(5).add(3));
    for (const mean of y.mean([1, 2, 3]).dataSync()) expect(mean).toBeCloseTo(0, 5);
    for (const variance of y.var([1, 2, 3], { correction: 0 }).dataSync()) expect(variance).toBeCloseTo(1, 4);
  });

  it("norms without learned numbers have no parameters", () => {
    expect(new GroupNorm({ numGroups: 1, numChannels: 2, affine: false }).parameters()).toEqual([]);
    expect(new LayerNorm({ normalizedShape: [2], elementwiseAffine: false }).parameters()).toEqual([]);
    expect(Object.keys(new LayerNorm({ normalizedShape: [2], bias: false }).stateDict())).toEqual(["weight"]);
  });

  it("norms take empty batches", () => {
    expect(new GroupNorm({ numGroups: 2, numChannels: 4 }).forward(zeros([0, 4, 3])).shape).toEqual([0, 4, 3]);
    expect(new LayerNorm({ normalizedShape: [4] }).forward(zeros([0, 4])).shape).toEqual([0, 4]);
  });

  it("Flatten keeps samples apart, Identity gives its input back, shuffles undo each other", () => {
    const x = randn([2, 4, 6, 6]);
    expect(new Flatten().forward(x).shape).toEqual([2, 144]);
    expect(new Flatten({ startDim: 2, endDim: 3 }).forward(x).shape).toEqual([2, 4, 36]);
    expect(new Identity().forward(x)).toBe(x);
    const down = new PixelUnshuffle({ downscaleFactor: 3 }).forward(x);
    expect(down.shape).toEqual([2, 36, 2, 2]);
    expect(new PixelShuffle({ upscaleFactor: 3 }).forward(down).toArray()).toEqual(x.toArray());
  });

  it("Softplus stays exact and finite far out", () => {
    const y = new Softplus().forward(
      zeros([2])
        .add(1e4)
        .mul(zeros([2]).add(1)),
    );
    expect(y.toArray()).toEqual([1e4, 1e4]);
    expect(new Softplus({ beta: 3 }).forward(zeros([1]).sub(1e4)).toArray()).toEqual([0]);
  });
});
