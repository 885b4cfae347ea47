import {
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ModuleOptions,
  type TensorModule,
} from "@squall/nn";
import { Generator, randn, type Tensor } from "@squall/tensor";
import { convProblems, convTransposeProblems, gradcheck, gradgradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose, ramp, runLayer } from "../pytorch.ts";

const inFloat64 = (seed: number): ModuleOptions => ({ dtype: "float64", generator: new Generator(seed) });

function expectGradients(layer: TensorModule, input: readonly number[]): void {
  const x = randn(input, { dtype: "float64", requiresGrad: true });
  gradcheck(() => layer.forward(x), [x, ...layer.parameters()]);
  gradgradcheck(() => layer.forward(x), [x, ...layer.parameters()], { mode: "projection" });
}

describe.each([
  [1, Conv1d],
  [2, Conv2d],
  [3, Conv3d],
] as const)("Conv%dd", (axes, Conv) => {
  it("has right gradients for generated options", () => {
    fc.assert(
      fc.property(convProblems(axes), fc.nat(), ({ input, weight, bias, options }, seed) => {
        const [, inChannels = 0] = input;
        const [outChannels = 0, , ...kernelSize] = weight;
        const layer = new Conv({
          ...options,
          inChannels,
          outChannels,
          kernelSize,
          bias: bias !== undefined,
          ...inFloat64(seed),
        });
        expect(layer.weight.shape).toEqual(weight);
        expect(layer.bias?.shape).toEqual(bias);
        expectGradients(layer, input);
      }),
      { numRuns: 15 },
    );
  });
});

describe.each([
  [1, ConvTranspose1d],
  [2, ConvTranspose2d],
  [3, ConvTranspose3d],
] as const)("ConvTranspose%dd", (axes, ConvTranspose) => {
  it("has right gradients for generated options", () => {
    fc.assert(
      fc.property(convTransposeProblems(axes), fc.nat(), ({ input, weight, bias, options }, seed) => {
        const [, inChannels = 0] = input;
        const [, outPerGroup = 0, ...kernelSize] = weight;
        const layer = new ConvTranspose({
          ...options,
          inChannels,
          outChannels: outPerGroup * (options.groups ?? 1),
          kernelSize,
          bias: bias !== undefined,
          ...inFloat64(seed),
        });
        expect(layer.weight.shape).toEqual(weight);
        expectGradients(layer, input);
      }),
      { numRuns: 15 },
    );
  });
});

describe("the numbers of PyTorch", () => {
  function expectRun(
    layer: TensorModule,
    input: Tensor,
    expected: {
      shape: readonly number[];
      y: readonly number[];
      dx: readonly number[];
      gradients: readonly (readonly number[])[];
    },
  ): void {
    const { y, dx, gradients } = runLayer(layer, input);
    expect(y.shape).toEqual(expected.shape);
    expectClose(y, expected.y);
    expectClose(dx, expected.dx);
    expect(gradients.length).toBe(expected.gradients.length);
    for (const [k, gradient] of gradients.entries()) expectClose(gradient, expected.gradients[k] ?? []);
  }
  const options: ModuleOptions = { dtype: "float64" };

  // layer(nn.Conv1d(2, 2, 2, stride=2, padding=1, dilation=2), ramp(1, 2, 5))
  it("Conv1d with stride, padding and dilation", () => {
    const layer = new Conv1d({
      inChannels: 2,
      outChannels: 2,
      kernelSize: 2,
      stride: 2,
      padding: 1,
      dilation: 2,
      ...options,
    });
    expectRun(layer, ramp(1, 2, 5), {
      shape: [1, 2, 3],
      y: [1.04882993345708, -0.0639774276706, -0.07616590560682, 1.33279566636769, 1.22755218590216, 0.20010129463825],
      dx: [0, -0.04476036417419, 0, -0.09005374624887, 0, 0, 0.00531188839919, 0, 0.07335153363522, 0],
      gradients: [
        [
          0.74080205491486, 0.42893931823531, -0.76766979381816, -0.27548620787069, -0.65252461253083,
          -0.12908741434092, 0.58397947825879, -0.07634747757496,
        ],
        [1.39440787357758, -2.01162635778199],
      ],
    });
  });

  // layer(nn.Conv2d(2, 4, (2, 1), groups=2, stride=(1, 2), padding=(1, 0)), ramp(1, 2, 3, 3))
  it("Conv2d with groups and one option per axis", () => {
    const layer = new Conv2d({
      inChannels: 2,
      outChannels: 4,
      kernelSize: [2, 1],
      groups: 2,
      stride: [1, 2],
      padding: [1, 0],
      ...options,
    });
    expectRun(layer, ramp(1, 2, 3, 3), {
      shape: [1, 4, 4, 2],
      y: [
        0.42987808840741, 0.05463088687767, -0.01215007710454, 0.48316341293367, -0.21861609933606, 0.82386959145977,
        0.16553627026837, 0.43914413550565, 0.79511366629414, 1.11401670378458, 1.12959126051055, 0.82365897751824,
        1.45391552536442, 0.37877585335125, 1.14234473014416, 0.65179507508907, -0.49832265899508, -0.48600326253124,
        -0.20946422588708, -0.72634446281767, 0.00147277058963, -1.07650225080836, -0.30428035487293, -0.82106710107772,
        -0.7920647443168, -0.7996096901766, -0.99231622838981, -0.68488066388608, -1.30636788866939, -0.251947587533,
        -1.04495776009647, -0.42131658410441,
      ],
      dx: [
        0.42739603342074, 0.0, 0.47869232019398, 0.16772380251364, 0.0, -0.2701747450765, -0.50361043194272, 0.0,
        -0.35592378416487, -0.16072584150784, 0.0, -0.47279557127766, -0.42706303861299, 0.0, -0.05813771248593,
        0.35478507538557, 0.0, 0.4992135913926,
      ],
      gradients: [
        [
          1.39508571868342, 0.19691462897824, 0.42989866889842, 1.29322421152565, 0.23571576033195, -1.2493988414201,
          1.11798858172432, -0.79931501272211,
        ],
        [1.01733302812164, 0.61210742729586, -0.27258031206085, -0.94375660961152],
      ],
    });
  });

  // layer(nn.Conv2d(1, 1, 2, padding="same", bias=False), ramp(1, 1, 3, 3))
  it('Conv2d with padding "same" and an even kernel, without bias', () => {
    const layer = new Conv2d({
      inChannels: 1,
      outChannels: 1,
      kernelSize: 2,
      padding: "same",
      bias: false,
      ...options,
    });
    expectRun(layer, ramp(1, 1, 3, 3), {
      shape: [1, 1, 3, 3],
      y: [
        0.38013558507885, -0.52565012698247, -0.23324377704536, 0.5887018128556, 0.09297936076751, -0.17107492687504,
        -0.29285241866874, 0.38898996417747, 0.14362392884431,
      ],
      dx: [
        0.14776010333067, 0.54649786655589, 0.24904276733006, -0.39850386357707, -1.09459830960801, -0.61884638309995,
        0.33328733234712, 1.02318644697627, 0.94680964119812,
      ],
      gradients: [[0.57756283634865, 0.14088050444142, 0.45913397845481, 0.5447686047495]],
    });
  });

  // layer(nn.ConvTranspose2d(2, 2, (2, 2), stride=2, padding=(1, 0), output_padding=(1, 0), groups=2), ramp(1, 2, 2, 2))
  it("ConvTranspose2d with groups, padding and outputPadding", () => {
    const layer = new ConvTranspose2d({
      inChannels: 2,
      outChannels: 2,
      kernelSize: [2, 2],
      stride: 2,
      padding: [1, 0],
      outputPadding: [1, 0],
      groups: 2,
      ...options,
    });
    expectRun(layer, ramp(1, 2, 2, 2), {
      shape: [1, 2, 3, 4],
      y: [
        0.21723156373238, 0.18133644612979, 0.05463088687767, -0.05581617337712, 0.21723156373238, 0.05463088687767,
        0.18133644612979, -0.05581617337712, 0.43588337476774, 0.50023948362024, 0.50023948362024, 0.59410268327517,
        0.58866193995101, 0.7787283988171, 0.65202283956497, 0.80453019373688, 0.58866193995101, 0.65202283956497,
        0.7787283988171, 0.80453019373688, 1.29622974188175, 1.0668638171664, 1.0668638171664, 0.97346153615164,
      ],
      dx: [
        -0.50509712474943, 0.40950736329898, -0.29540527508896, 1.13330927116885, -0.03051838841536, -0.54615818471982,
        -0.83248185772615, -0.57950288300563,
      ],
      gradients: [
        [
          -0.01533309639555, -0.66096801388313, 0.4706885237012, 0.17780167383925, 0.54429366123404, 0.87119623140157,
          -0.34619831702197, 0.04035765567053,
        ],
        [-0.41818122559194, 1.77504136894859],
      ],
    });
  });
});

describe("initial values", () => {
  const wide = { inChannels: 8, outChannels: 64, kernelSize: 3 };

  it.each([
    ["Conv2d", new Conv2d({ ...wide, groups: 2, generator: new Generator(1) }), 4 * 9],
    ["Conv3d", new Conv3d({ ...wide, generator: new Generator(2) }), 8 * 27],
    ["ConvTranspose2d", new ConvTranspose2d({ ...wide, groups: 2, generator: new Generator(3) }), 32 * 9],
  ] as const)("%s: weight and bias are uniform in ±1/√fanIn", (_, layer, fanIn) => {
    const bound = 1 / Math.sqrt(fanIn);
    const values = [...layer.weight.dataSync()];
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...values)).toBeGreaterThan(0.98 * bound);
    expect(Math.min(...values)).toBeLessThan(-0.98 * bound);
    const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length;
    expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1);
    const biases = [...(layer.bias?.dataSync() ?? [])];
    expect(biases.length).toBe(64);
    expect(Math.max(...biases.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...biases.map(Math.abs))).toBeGreaterThan(0.8 * bound);
  });

  it("repeat under the same seed, and only then", () => {
    const make = (seed: number): unknown => new Conv2d({ ...wide, generator: new Generator(seed) }).weight.toArray();
    expect(make(7)).toEqual(make(7));
    expect(make(7)).not.toEqual(make(8));
  });

  it("have the dtype that was asked for", () => {
    const layer = new Conv2d({ ...wide, dtype: "float64" });
    expect([layer.weight.dtype, layer.bias?.dtype]).toEqual(["float64", "float64"]);
    expect(Object.keys(layer.stateDict())).toEqual(["weight", "bias"]);
    expect(Object.keys(new Conv2d({ ...wide, bias: false }).stateDict())).toEqual(["weight"]);
  });
});

describe("defects of other systems", () => {
  it('seed 0 (f): k//2 padding breaks even kernels; "same" keeps the size for every kernel, and divides it by the stride', () => {
    const problem = fc.record({
      size: fc.integer({ min: 1, max: 9 }),
      kernelSize: fc.integer({ min: 1, max: 6 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
    });
    fc.assert(
      fc.property(problem, ({ size, ...options }) => {
        const layer = new Conv2d({ inChannels: 1, outChannels: 1, padding: "same", ...options });
        const expected = Math.ceil(size / options.stride);
        expect(layer.forward(randn([1, 1, size, size])).shape).toEqual([1, 1, expected, expected]);
      }),
      { numRuns: 60 },
    );
  });

  it("seed 0 (e): the layer of the README runs with a plain number for the kernel", () => {
    const layer = new Conv2d({ inChannels: 3, outChannels: 2, kernelSize: 3 });
    expect(layer.kernelSize).toEqual([3, 3]);
    expect(layer.forward(randn([1, 3, 4, 4])).shape).toEqual([1, 2, 2, 2]);
  });
});
