// One device: the CPU. Every function and class that takes options refuses a name that it does not know: it would be ignored.
import {
  BCELoss,
  BCEWithLogitsLoss,
  balancedWeights,
  bce,
  bceWithLogits,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  CrossEntropyLoss,
  constrain,
  crossEntropy,
  Dropout,
  ELU,
  Flatten,
  GDLLoss,
  GroupNorm,
  gdl,
  HuberLoss,
  huber,
  init,
  L1Loss,
  LayerNorm,
  LeakyReLU,
  Linear,
  l1,
  MSELoss,
  metrics,
  mse,
  PixelShuffle,
  PixelUnshuffle,
  Softmax,
  Softplus,
  WeightedL1Loss,
  WeightedMSELoss,
  weightedL1,
  weightedMse,
} from "@squall/nn";
import { rand } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

/** Name, call with options, and options that fit: all that are known, but for those that have no default to leave out. */
type Row = readonly [name: string, call: (options: never) => unknown, options: Readonly<Record<string, unknown>>];

const everyModule = { dtype: undefined, device: undefined, generator: undefined };
const conv = {
  ...everyModule,
  ...{ inChannels: 2, outChannels: 2, kernelSize: 3 },
  ...{ stride: 1, padding: 0, dilation: 1, groups: 1, bias: true },
};
const transposed = { ...conv, outputPadding: 0 };

const layers: readonly Row[] = [
  ["Conv1d", (options) => new Conv1d(options), conv],
  ["Conv2d", (options) => new Conv2d(options), conv],
  ["Conv3d", (options) => new Conv3d(options), conv],
  ["ConvTranspose1d", (options) => new ConvTranspose1d(options), transposed],
  ["ConvTranspose2d", (options) => new ConvTranspose2d(options), transposed],
  ["ConvTranspose3d", (options) => new ConvTranspose3d(options), transposed],
  ["Dropout", (options) => new Dropout(options), { p: 0.5, generator: undefined }],
  ["ELU", (options) => new ELU(options), { alpha: 1 }],
  ["Flatten", (options) => new Flatten(options), { startDim: 1, endDim: -1 }],
  [
    "GroupNorm",
    (options) => new GroupNorm(options),
    { ...everyModule, numGroups: 1, numChannels: 2, eps: 1e-5, affine: true },
  ],
  [
    "LayerNorm",
    (options) => new LayerNorm(options),
    { ...everyModule, normalizedShape: 2, eps: 1e-5, elementwiseAffine: true, bias: true },
  ],
  ["LeakyReLU", (options) => new LeakyReLU(options), { negativeSlope: 0.1 }],
  ["Linear", (options) => new Linear(options), { ...everyModule, inFeatures: 2, outFeatures: 3, bias: true }],
  ["PixelShuffle", (options) => new PixelShuffle(options), { upscaleFactor: 2 }],
  ["PixelUnshuffle", (options) => new PixelUnshuffle(options), { downscaleFactor: 2 }],
  ["Softmax", (options) => new Softmax(options), { dim: 1 }],
  ["Softplus", (options) => new Softplus(options), { beta: 1 }],
];

const [x, t] = [rand([2, 1, 12, 12]), rand([2, 1, 12, 12])];
const reduction = "mean";

const losses: readonly Row[] = [
  ["balancedWeights", (options) => balancedWeights(t, options), { thresholds: [1], weights: [1, 2] }],
  ["bce", (options) => bce(x, t, options), { reduction }],
  ["BCELoss", (options) => new BCELoss(options), { reduction }],
  ["bceWithLogits", (options) => bceWithLogits(x, t, options), { reduction, posWeight: undefined }],
  ["BCEWithLogitsLoss", (options) => new BCEWithLogitsLoss(options), { reduction, posWeight: undefined }],
  [
    "crossEntropy",
    (options) => crossEntropy(x, new Uint8Array(288), options),
    { reduction, weight: undefined, ignoreIndex: -1, labelSmoothing: 0 },
  ],
  [
    "CrossEntropyLoss",
    (options) => new CrossEntropyLoss(options),
    { reduction, weight: undefined, ignoreIndex: -1, labelSmoothing: 0 },
  ],
  ["gdl", (options) => gdl(x, t, options), { reduction, alpha: 1 }],
  ["GDLLoss", (options) => new GDLLoss(options), { reduction, alpha: 1 }],
  ["huber", (options) => huber(x, t, options), { reduction, delta: 1 }],
  ["HuberLoss", (options) => new HuberLoss(options), { reduction, delta: 1 }],
  ["l1", (options) => l1(x, t, options), { reduction }],
  ["L1Loss", (options) => new L1Loss(options), { reduction }],
  ["mse", (options) => mse(x, t, options), { reduction }],
  ["MSELoss", (options) => new MSELoss(options), { reduction }],
  ["weightedL1", (options) => weightedL1(x, t, x, options), { reduction }],
  ["WeightedL1Loss", (options) => new WeightedL1Loss(options), { reduction }],
  ["weightedMse", (options) => weightedMse(x, t, x, options), { reduction }],
  ["WeightedMSELoss", (options) => new WeightedMSELoss(options), { reduction }],
];

const scores: readonly Row[] = [
  ["contingency", (options) => metrics.contingency(x, t, options), { threshold: 0.5, dim: undefined }],
  ["correlation", (options) => metrics.correlation(x, t, options), { reduction }],
  ["dBZToRainfall", (options) => metrics.dBZToRainfall(x, options), { a: 200, b: 1.6 }],
  ["mae", (options) => metrics.mae(x, t, options), { reduction }],
  ["mse", (options) => metrics.mse(x, t, options), { reduction }],
  ["psnr", (options) => metrics.psnr(x, t, options), { reduction, dataRange: 1 }],
  ["rainfallMse", (options) => metrics.rainfallMse(x, t, options), { reduction, a: 200, b: 1.6 }],
  ["rmse", (options) => metrics.rmse(x, t, options), { reduction }],
  ["snr", (options) => metrics.snr(x, t, options), { reduction }],
  ["ssim", (options) => metrics.ssim(x, t, options), { reduction, dataRange: 1, windowSize: 11, sigma: 1.5 }],
];

const w = rand([4, 3]);
const generator = undefined;

const inPlace: readonly Row[] = [
  ["dirac_", (options) => init.dirac_(rand([2, 1, 3]), options), { groups: 1 }],
  ["kaimingNormal_", (options) => init.kaimingNormal_(w, options), { a: 0, mode: "fanIn", generator }],
  ["kaimingUniform_", (options) => init.kaimingUniform_(w, options), { nonlinearity: "relu", generator }],
  ["normal_", (options) => init.normal_(w, options), { mean: 0, std: 1, generator }],
  ["orthogonal_", (options) => init.orthogonal_(w, options), { gain: 1, generator }],
  ["sparse_", (options) => init.sparse_(w, options), { sparsity: 0.5, std: 1, generator }],
  ["truncNormal_", (options) => init.truncNormal_(w, options), { mean: 0, std: 1, a: -2, b: 2, generator }],
  ["uniform_", (options) => init.uniform_(w, options), { a: 0, b: 1, generator }],
  ["xavierNormal_", (options) => init.xavierNormal_(w, options), { gain: 1, generator }],
  ["xavierUniform_", (options) => init.xavierUniform_(w, options), { gain: 1, generator }],
  ["maxNorm_", (options) => constrain.maxNorm_(w, options), { maxNorm: 2, dim: 1 }],
  ["minMaxNorm_", (options) => constrain.minMaxNorm_(w, options), { minNorm: 0, maxNorm: 1, rate: 1, dim: 1 }],
  ["unitNorm_", (options) => constrain.unitNorm_(w, options), { dim: 1 }],
];

const rows = [...layers, ...losses, ...scores, ...inPlace];

describe.each(rows)("%s", (name, call, options) => {
  const run = (given: unknown): unknown => call(given as never);

  it("takes the options that it knows", () => {
    expect(() => run(options)).not.toThrow();
  });

  it("refuses others", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{12,20}$/), fc.jsonValue(), (strange, value) => {
        expect(() => run({ ...options, [strange]: value })).toThrow(
          expect.objectContaining({
            name: "ArgumentError",
            message: expect.stringMatching(new RegExp(`^${name}: there is no option "${strange}"; `)),
          }),
        );
      }),
      { numRuns: 10 },
    );
  });

  it("says what was probably meant", () => {
    for (const known of Object.keys(options).filter((each) => each.length > 2)) {
      const { [known]: value, ...others } = options;
      const snake = known.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      for (const typo of new Set([`${known}${known.at(-1)}`, snake])) {
        if (typo === known) continue;
        expect(() => run({ ...others, [typo]: value })).toThrow(
          refusal("ArgumentError", `${name}: there is no option "${typo}"; did you mean ${known}?`),
        );
      }
    }
  });

  it("refuses what is no object, and null for an option", () => {
    for (const [given, got] of [
      [0.5, "0.5"],
      ["sum", "sum"],
      [[3], "an array"],
      [null, "null"],
    ] as const) {
      expect(() => run(given)).toThrow(refusal("ArgumentError", `${name}: options must be an object, got ${got}`));
    }
    const [first = ""] = Object.keys(options);
    expect(() => run({ ...options, [first]: null })).toThrow(
      refusal("ArgumentError", `${name}: ${first} is null; leave it out for the default`),
    );
  });
});

describe("the rows above", () => {
  // Not in it: what takes no options, and what is tested with recurrent layers.
  it("are all losses, metrics, initializers and constraints with options", () => {
    const names = new Set(rows.map(([name]) => name));
    const withoutOptions = {
      metrics: ["addCounts", "csi", "far", "hss", "pod"],
      init: ["calculateGain", "constant_", "eye_", "ones_", "zeros_"],
      constrain: ["nonNeg_"],
    };
    for (const [group, members] of Object.entries({ metrics, init, constrain })) {
      const others = Object.entries(withoutOptions).find(([name]) => name === group)?.[1] ?? [];
      const missing = Object.keys(members).filter((name) => !names.has(name) && !others.includes(name));
      expect(missing).toEqual([]);
    }
  });
});
