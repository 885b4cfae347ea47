import { init, Parameter } from "@squall/nn";
import { conv1d, conv2d, conv3d, Generator, ones, randn, type Tensor, zeros } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const seeded = (seed = 1): { generator: Generator } => ({ generator: new Generator(seed) });

function moments(tensor: Tensor): { mean: number; std: number; least: number; most: number } {
  const values = [...tensor.dataSync()];
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
  return { mean, std, least: Math.min(...values), most: Math.max(...values) };
}

// [O, I, kH, kW] with fanIn = 20·9 = 180 and fanOut = 50·9 = 450, 9000 values.
const shape = [50, 20, 3, 3];

describe("in place", () => {
  const all: readonly (readonly [string, (tensor: Tensor) => Tensor])[] = [
    ["uniform_", (x) => init.uniform_(x, seeded())],
    ["normal_", (x) => init.normal_(x, seeded())],
    ["constant_", (x) => init.constant_(x, 3)],
    ["ones_", init.ones_],
    ["zeros_", init.zeros_],
    ["eye_", init.eye_],
    ["xavierUniform_", (x) => init.xavierUniform_(x, seeded())],
    ["xavierNormal_", (x) => init.xavierNormal_(x, seeded())],
    ["kaimingUniform_", (x) => init.kaimingUniform_(x, seeded())],
    ["kaimingNormal_", (x) => init.kaimingNormal_(x, seeded())],
    ["truncNormal_", (x) => init.truncNormal_(x, seeded())],
    ["orthogonal_", (x) => init.orthogonal_(x, seeded())],
    ["sparse_", (x) => init.sparse_(x, { sparsity: 0.5, ...seeded() })],
  ];

  it.each(all)("%s fills a parameter, unseen by autograd, returns it, and repeats under a seed", (_, fill) => {
    for (const dtype of ["float32", "float64"] as const) {
      const parameter = new Parameter(zeros([4, 3], { dtype }).add(7));
      const storage = parameter.storage;
      expect(fill(parameter)).toBe(parameter);
      expect(parameter.storage).toBe(storage);
      expect(parameter.isLeaf && parameter.requiresGrad).toBe(true);
      expect([...parameter.dataSync()]).not.toContain(7);
      expect(fill(new Parameter(zeros([4, 3], { dtype }))).toArray()).toEqual(parameter.toArray());
    }
  });

  it("dirac_ does too", () => {
    const parameter = new Parameter(ones([2, 2, 3]));
    expect(init.dirac_(parameter)).toBe(parameter);
    expect(parameter.toArray()).toEqual([
      [
        [0, 1, 0],
        [0, 0, 0],
      ],
      [
        [0, 0, 0],
        [0, 1, 0],
      ],
    ]);
  });

  it("without a generator draws from the default one", () => {
    expect(init.normal_(zeros([3])).toArray()).not.toEqual(init.normal_(zeros([3])).toArray());
  });

  it("leaves empty tensors alone", () => {
    for (const fill of [init.xavierUniform_, init.kaimingNormal_, init.orthogonal_, init.truncNormal_]) {
      expect(fill(zeros([0, 3])).shape).toEqual([0, 3]);
      expect(fill(zeros([3, 0])).shape).toEqual([3, 0]);
    }
  });
});

describe("calculateGain", () => {
  // for n, p in [...]: print(torch.nn.init.calculate_gain(n, p))
  it.each([
    ["linear", undefined, 1],
    ["conv2d", undefined, 1],
    ["convTranspose3d", undefined, 1],
    ["sigmoid", undefined, 1],
    ["tanh", undefined, 1.6666666666666667],
    ["relu", undefined, Math.SQRT2],
    ["leakyRelu", undefined, 1.4141428569978354],
    ["leakyRelu", 0.5, 1.2649110640673518],
    ["selu", undefined, 0.75],
  ] as const)("%s %s", (nonlinearity, param, gain) => {
    expect(init.calculateGain(nonlinearity, param)).toBeCloseTo(gain, 14);
  });
});

describe("uniform", () => {
  it.each<readonly [string, Tensor, number, number]>([
    ["uniform_", init.uniform_(zeros(shape), seeded()), 0, 1],
    ["uniform_ with ends", init.uniform_(zeros(shape), { a: -3, b: 2, ...seeded() }), -3, 2],
    [
      "xavierUniform_",
      init.xavierUniform_(zeros(shape), { gain: 2, ...seeded() }),
      -2 * Math.sqrt(6 / 630),
      2 * Math.sqrt(6 / 630),
    ],
    ["kaimingUniform_", init.kaimingUniform_(zeros(shape), seeded()), -Math.sqrt(6 / 180), Math.sqrt(6 / 180)],
    [
      "kaimingUniform_ of the outputs, for tanh",
      init.kaimingUniform_(zeros(shape), { mode: "fanOut", nonlinearity: "tanh", ...seeded() }),
      (-5 / 3) * Math.sqrt(3 / 450),
      (5 / 3) * Math.sqrt(3 / 450),
    ],
    [
      "kaimingUniform_ with a = √5, the default of layers",
      init.kaimingUniform_(zeros(shape), { a: Math.sqrt(5), ...seeded() }),
      -1 / Math.sqrt(180),
      1 / Math.sqrt(180),
    ],
  ])("%s", (_, tensor, low, high) => {
    const { mean, std, least, most } = moments(tensor);
    const width = high - low;
    expect(least).toBeGreaterThanOrEqual(low - 1e-7);
    expect(most).toBeLessThanOrEqual(high + 1e-7);
    expect((least - low) / width).toBeLessThan(0.002);
    expect((high - most) / width).toBeLessThan(0.002);
    expect(Math.abs(mean - (low + high) / 2) / width).toBeLessThan(0.01);
    expect(std / (width / Math.sqrt(12))).toBeCloseTo(1, 1);
  });
});

describe("normal", () => {
  it.each<readonly [string, Tensor, number, number]>([
    ["normal_", init.normal_(zeros(shape), seeded()), 0, 1],
    ["normal_ elsewhere", init.normal_(zeros(shape), { mean: 4, std: 0.5, ...seeded() }), 4, 0.5],
    ["xavierNormal_", init.xavierNormal_(zeros(shape), { gain: 3, ...seeded() }), 0, 3 * Math.sqrt(2 / 630)],
    ["kaimingNormal_", init.kaimingNormal_(zeros(shape), seeded()), 0, Math.sqrt(2 / 180)],
    [
      "kaimingNormal_ of the outputs, leaky",
      init.kaimingNormal_(zeros(shape), { a: 1, mode: "fanOut", ...seeded() }),
      0,
      Math.sqrt(1 / 450),
    ],
  ])("%s", (_, tensor, mean, std) => {
    const got = moments(tensor);
    // Five standard errors of 9000 draws.
    expect(Math.abs(got.mean - mean) / std).toBeLessThan(5 / Math.sqrt(9000));
    expect(Math.abs(got.std / std - 1)).toBeLessThan(5 / Math.sqrt(18000));
    expect((got.most - mean) / std).toBeGreaterThan(3);
  });

  it("std 0 is a constant", () => {
    expect(init.normal_(zeros([2]), { mean: 3, std: 0 }).toArray()).toEqual([3, 3]);
  });
});

describe("truncNormal_", () => {
  // x = torch.linspace(max(a, mean - 12*std), min(b, mean + 12*std), 4000001); w = torch.exp(-((x - mean) / std)**2 / 2)
  // m = (w*x).sum() / w.sum(); print(m, ((w*(x - m)**2).sum() / w.sum()).sqrt())
  it.each([
    ["default", {}, 0, 0.8796257647671],
    ["around its mean, narrow", { a: -0.5, b: 0.5 }, 0, 0.2838823586283],
    ["one-sided", { a: 0.5, b: Number.POSITIVE_INFINITY }, 1.1410767188093, 0.5181511757187],
    ["a tail", { a: 4, b: 10 }, 4.2256064294949, 0.2160390052502],
    ["the other tail", { a: -10, b: -4 }, -4.2256064294949, 0.2160390052502],
    ["a narrow piece of a tail", { a: 3, b: 3.1 }, 3.0474631073846, 0.0287957963958],
    ["shifted and scaled", { mean: 1, std: 2, a: 0, b: 2 }, 1, 0.5677647172566],
  ])("%s", (_, options, mean, std) => {
    const got = moments(init.truncNormal_(zeros([20000]), { ...options, ...seeded() }));
    const { a = -2, b = 2 } = options as { a?: number; b?: number };
    expect(got.least).toBeGreaterThanOrEqual(a);
    expect(got.most).toBeLessThanOrEqual(b);
    expect(Math.abs(got.mean - mean) / std).toBeLessThan(0.03);
    expect(Math.abs(got.std / std - 1)).toBeLessThan(0.03);
  });
});

/** Largest distance of `AᵀA` (or `AAᵀ`, whichever is smaller) from `gain²` times the identity. */
function distanceFromOrthogonal(tensor: Tensor, gain: number): number {
  const [rows = 1] = tensor.shape;
  const matrix = tensor.reshape([rows, -1]);
  const small =
    rows <= tensor.size / rows ? matrix.matmul(matrix.transpose(0, 1)) : matrix.transpose(0, 1).matmul(matrix);
  const n = small.shape[0] ?? 0;
  return Math.max(...small.dataSync().map((v, k) => Math.abs(v - (k % (n + 1) === 0 ? gain * gain : 0))));
}

describe("orthogonal_", () => {
  it("makes rows or columns orthonormal, times the gain", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(shapes, fc.nat(), fc.double({ min: 0.1, max: 3, noNaN: true }), (shape, seed, gain) => {
        const tensor = init.orthogonal_(zeros(shape, { dtype: "float64" }), { gain, ...seeded(seed) });
        expect(distanceFromOrthogonal(tensor, gain)).toBeLessThan(1e-12);
      }),
      { numRuns: 100 },
    );
  });

  it("is uniformly distributed: every entry of a 3×3 rotation or reflection is uniform in [-1, 1], both signs of det are as likely", () => {
    const { generator } = seeded(5);
    const draws = Array.from({ length: 2000 }, () => [
      ...init.orthogonal_(zeros([3, 3], { dtype: "float64" }), { generator }).dataSync(),
    ]);
    for (let entry = 0; entry < 9; entry++) {
      const values = draws.map((draw) => draw[entry]).sort((a, b) => a - b);
      // Kolmogorov's distance from the uniform distribution; 1.95/√n is exceeded once in a thousand.
      const distance = Math.max(...values.map((v, k) => Math.abs((v + 1) / 2 - (k + 0.5) / values.length)));
      expect(distance).toBeLessThan(1.95 / Math.sqrt(values.length));
    }
    const positive = draws.filter(
      ([a, b, c, d, e, f, g, h, i]) => a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) > 0,
    );
    expect(Math.abs(positive.length - 1000)).toBeLessThan(5 * Math.sqrt(500));
  });

  it("of one row and one column is a unit vector", () => {
    expect(distanceFromOrthogonal(init.orthogonal_(zeros([1, 9]), seeded()), 1)).toBeLessThan(1e-6);
    expect(distanceFromOrthogonal(init.orthogonal_(zeros([9, 1]), seeded()), 1)).toBeLessThan(1e-6);
  });

  it("is fast enough for the gates of a ConvLSTM with 64 channels", () => {
    const started = performance.now();
    const weight = init.orthogonal_(zeros([256, 64, 3, 3]), seeded());
    // Takes about 0.06 s; the bound leaves room for a busy machine.
    expect(performance.now() - started).toBeLessThan(2000);
    expect(distanceFromOrthogonal(weight, 1)).toBeLessThan(1e-5);
  });
});

describe("eye_ and dirac_", () => {
  it("eye_ leaves vectors as they are", () => {
    const x = randn([5]);
    expect(
      init
        .eye_(ones([5, 5]))
        .matmul(x)
        .toArray(),
    ).toEqual(x.toArray());
    expect(init.eye_(ones([2, 3])).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
  });

  it('dirac_ passes the input on, for odd kernels with padding "same", group by group', () => {
    const problem = fc.record({
      rank: fc.integer({ min: 1, max: 3 }),
      groups: fc.integer({ min: 1, max: 3 }),
      channels: fc.integer({ min: 1, max: 3 }),
      half: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 3, maxLength: 3 }),
    });
    fc.assert(
      fc.property(problem, ({ rank, groups, channels, half }) => {
        const conv = [conv1d, conv2d, conv3d][rank - 1];
        const kernel = half.slice(0, rank).map((h) => 2 * h + 1);
        // float64, because Winograd's algorithm may round what a float32 convolution only passes on.
        const dtype = "float64";
        const weight = init.dirac_(ones([groups * channels, channels, ...kernel], { dtype }), { groups });
        const x = randn([2, groups * channels, ...kernel.map(() => 4)], { ...seeded(), dtype });
        expect(conv(x, weight, undefined, { padding: "same", groups }).toArray()).toEqual(x.toArray());
      }),
      { numRuns: 40 },
    );
  });

  // torch.nn.init.dirac_(torch.empty(3, 2, 2)).tolist(), torch.nn.init.dirac_(torch.empty(4, 1, 1), groups=2).tolist()
  it("dirac_ puts the tap where PyTorch does, with more outputs than inputs", () => {
    expect(init.dirac_(ones([3, 2, 2])).toArray()).toEqual([
      [
        [0, 1],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 1],
      ],
      [
        [0, 0],
        [0, 0],
      ],
    ]);
    expect(init.dirac_(ones([4, 1, 1]), { groups: 2 }).toArray()).toEqual([[[1]], [[0]], [[1]], [[0]]]);
  });
});

describe("sparse_", () => {
  it("has the asked share of zeros in every column, the rest small and normal", () => {
    const matrix = init.sparse_(zeros([40, 60]), { sparsity: 0.33, std: 0.1, ...seeded() });
    const columns = matrix.transpose(0, 1).toArray() as number[][];
    expect(columns.map((column) => column.filter((v) => v === 0).length)).toEqual(
      columns.map(() => Math.ceil(0.33 * 40)),
    );
    const rest = columns.flat().filter((v) => v !== 0);
    const std = Math.sqrt(rest.reduce((sum, v) => sum + v * v, 0) / rest.length);
    expect(std).toBeCloseTo(0.1, 2);
    const perRow = (matrix.eq(0).sum(1).toArray() as number[]).sort((a, b) => a - b);
    expect(perRow[0]).toBeGreaterThan(8);
    expect(perRow[39]).toBeLessThan(36);
  });

  it("can be all zeros or none", () => {
    expect(init.sparse_(ones([3, 2]), { sparsity: 1 }).toArray()).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect([...init.sparse_(ones([3, 2]), { sparsity: 0 }).dataSync()]).not.toContain(0);
  });
});
