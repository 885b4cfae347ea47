import { cpu } from "@squall/cpu";
import * as ops from "@squall/tensor";
import { type DType, Generator, manualSeed, Tensor, tensor } from "@squall/tensor";
import { shapes } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

describe("tensor", () => {
  it("takes a number, nested arrays and typed arrays", () => {
    expect([tensor(5).shape, tensor(5).toArray()]).toEqual([[], 5]);
    expect(
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]).shape,
    ).toEqual([3, 2]);
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(tensor(new Int32Array([1, -2])).toArray()).toEqual([1, -2]);
    expect(tensor(new Uint8ClampedArray([300]), { shape: [1, 1] }).toArray()).toEqual([[255]]);
    expect(tensor([1, 2, 3, 4], { shape: [2, 2] }).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it("is float32 unless a Float64Array or an option says otherwise", () => {
    expect([tensor([0.1]).dtype, tensor(new Float64Array(1)).dtype]).toEqual(["float32", "float64"]);
    expect(tensor(new Float64Array([0.1]), { dtype: "float32" }).itemSync()).toBe(Math.fround(0.1));
    expect(tensor(new Float32Array([0.1]), { dtype: "float64" }).itemSync()).toBe(Math.fround(0.1));
  });

  it("copies", () => {
    const data = new Float32Array([1, 2]);
    const x = tensor(data);
    data[0] = 9;
    expect(x.toArray()).toEqual([1, 2]);
  });

  it("may require a gradient", () => {
    expect([tensor(1).requiresGrad, tensor(1, { requiresGrad: true }).requiresGrad]).toEqual([false, true]);
  });
});

describe("filled tensors", () => {
  it("full, zeros, ones, eye, arange", () => {
    expect(ops.full([2], 3).toArray()).toEqual([3, 3]);
    expect([ops.zeros([]).itemSync(), ops.ones([1, 1]).toArray()]).toEqual([0, [[1]]]);
    expect(ops.eye(2, 3).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(ops.eye(1).toArray()).toEqual([[1]]);
    expect(ops.arange(3).toArray()).toEqual([0, 1, 2]);
    expect(ops.arange(5, 1, -2).toArray()).toEqual([5, 3]);
    expect(ops.arange(0, 1, 0.25, { dtype: "float64" }).toArray()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(ops.arange(2, 2).shape).toEqual([0]);
  });

  it("like another tensor: its shape, dtype and device, not its wish for a gradient", () => {
    const x = ops.zeros([2, 3], { dtype: "float64", requiresGrad: true });
    const made = [ops.zerosLike(x), ops.onesLike(x), ops.fullLike(x, 4), ops.randLike(x), ops.randnLike(x)];
    for (const y of made) expect([y.shape, y.dtype, y.device, y.requiresGrad]).toEqual([[2, 3], "float64", cpu, false]);
    expect([ops.onesLike(x).mean().itemSync(), ops.fullLike(x, 4).mean().itemSync()]).toEqual([1, 4]);
    expect(ops.zerosLike(x, { dtype: "float32", requiresGrad: true })).toMatchObject({
      dtype: "float32",
      requiresGrad: true,
    });
    expect([ops.zeros([1], x).requiresGrad, ops.rand([1], x).requiresGrad]).toEqual([false, false]);
  });
});

describe("random tensors", () => {
  it.each<DType>(["float32", "float64"])("rand lies in [0, 1) in %s", (dtype) => {
    const values = ops.rand([200, 1000], { dtype, generator: new Generator(4) });
    expect(values.min().itemSync()).toBeGreaterThanOrEqual(0);
    expect(values.max().itemSync()).toBeLessThan(1);
    expect(values.mean().itemSync()).toBeCloseTo(0.5, 2);
    expect(values.var().itemSync()).toBeCloseTo(1 / 12, 2);
  });

  it("rand in float32 stays below 1 for the largest number that a generator gives", () => {
    class Largest extends Generator {
      override next(): number {
        return 1 - 2 ** -53;
      }
    }
    expect(ops.rand([1], { generator: new Largest(0) }).itemSync()).toBeLessThan(1);
  });

  it.each<DType>(["float32", "float64"])("randn has the moments of a normal distribution in %s", (dtype) => {
    const x = ops.randn([200_000], { dtype, generator: new Generator(4) });
    expect(x.mean().itemSync()).toBeCloseTo(0, 1);
    expect(x.var().itemSync()).toBeCloseTo(1, 1);
    expect(x.pow(3).mean().itemSync()).toBeCloseTo(0, 1);
    expect(x.pow(4).mean().itemSync()).toBeCloseTo(3, 0);
  });

  it("come from the generator that is given, or the default one", () => {
    const draw = (): unknown => ops.randn([5]).toArray();
    manualSeed(8);
    const [first, second] = [draw(), draw()];
    manualSeed(8);
    expect(draw()).toEqual(first);
    expect(ops.randn([5], { generator: new Generator(8) }).toArray()).toEqual(first);
    expect(draw()).toEqual(second);
  });
});

describe("reading", () => {
  it("gives the elements back, as copies, at once or later", async () => {
    const shape = shapes({ minSize: 0 });
    await fc.assert(
      fc.asyncProperty(shape, async (sizes) => {
        const x = ops.rand(sizes, { dtype: "float64" });
        const data = x.dataSync();
        expect(await x.data()).toEqual(data);
        expect(tensor(x.toArray(), { dtype: "float64" }).dataSync()).toEqual(data);
        data.fill(-1);
        expect(x.dataSync().includes(-1)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it("item is the only element, of any rank", async () => {
    expect([tensor(2).itemSync(), await tensor([[3]]).item()]).toEqual([2, 3]);
    const text = "item: needs a tensor of one element, got shape [2]; use data() for more";
    expect(() => tensor([1, 2]).itemSync()).toThrow(refusal("ShapeError", text));
    await expect(tensor([1, 2]).item()).rejects.toThrow(refusal("ShapeError", text));
    expect(() => ops.zeros([0]).itemSync()).toThrow(/got shape \[0\]/);
  });

  it("toString names shape, dtype and device", () => {
    expect(`${ops.zeros([2, 3])}`).toBe("Tensor([2,3], float32, cpu)");
  });
});

describe("creation refuses", () => {
  it.each<[string, () => unknown, string]>([
    [
      "tensor",
      () => tensor([[1, 2], [3]]),
      "nested arrays must be rectangular and hold numbers: axis 1 of [2,2] has an array of 1",
    ],
    ["tensor", () => tensor([[1], 2]), "nested arrays must be rectangular and hold numbers: axis 1 of [2,1] has 2"],
    [
      "tensor",
      () => tensor([1, [2]]),
      "nested arrays must be rectangular and hold numbers: axis 1 of [2] has an array of 1",
    ],
    [
      "tensor",
      () => tensor(JSON.parse('["a"]')),
      "nested arrays must be rectangular and hold numbers: axis 1 of [1] has a",
    ],
    ["tensor", () => tensor([1, 2, 3], { shape: [2, 2] }), "shape [2,2] needs 4 values, got 3"],
    ["tensor", () => tensor([1, 2], { shape: [-2, -1] }), "sizes must be whole numbers >= 0, got [-2,-1]"],
    ["full", () => ops.full([2, -1], 0), "sizes must be whole numbers >= 0, got [2,-1]"],
    ["full", () => ops.zeros([1.5]), "sizes must be whole numbers >= 0, got [1.5]"],
    ["full", () => ops.ones([Number.NaN]), "sizes must be whole numbers >= 0, got [NaN]"],
    ["full", () => ops.zeros([2 ** 40, 2 ** 40]), "a tensor of shape [1099511627776,1099511627776] is too large"],
    ["eye", () => ops.eye(-1), "sizes must be whole numbers >= 0, got [-1,-1]"],
    ["rand", () => ops.rand([-1]), "sizes must be whole numbers >= 0, got [-1]"],
    ["randn", () => ops.randn([2, 0.5]), "sizes must be whole numbers >= 0, got [2,0.5]"],
    ["Tensor", () => new Tensor(tensor([1, 2]).storage, [3]), "shape [3] needs 3 elements but the storage holds 2"],
    ["Tensor", () => new Tensor(tensor([1, 2]).storage, [-1, -2]), "sizes must be whole numbers >= 0, got [-1,-2]"],
  ])("%s: wrong sizes", (op, make, text) => {
    expect(make).toThrow(refusal("ShapeError", `${op}: ${text}`));
  });

  it.each<[string, () => unknown, string]>([
    ["arange", () => ops.arange(Number.NaN), "cannot count from 0 to NaN in steps of 1"],
    ["arange", () => ops.arange(0, 5, 0), "cannot count from 0 to 5 in steps of 0"],
    ["arange", () => ops.arange(0, 5, -1), "cannot count from 0 to 5 in steps of -1"],
    ["arange", () => ops.arange(0, Number.POSITIVE_INFINITY), "cannot count from 0 to Infinity in steps of 1"],
    ["full", () => ops.full([1], JSON.parse('"1"')), "the value must be a number, got string"],
    [
      "tensor",
      () => tensor([1], JSON.parse('{"dtype":"int8"}')),
      'there is no dtype "int8"; there are float32 and float64',
    ],
    [
      "full",
      () => ops.zeros([1], JSON.parse('{"dtype":"f32"}')),
      'there is no dtype "f32"; there are float32 and float64',
    ],
  ])("%s: wrong arguments", (op, make, text) => {
    expect(make).toThrow(refusal("ArgumentError", `${op}: ${text}`));
  });

  it("a dtype that the device lacks", () => {
    const single = { ...cpu, name: "single", dtypes: ["float32"] as const };
    for (const [op, make] of [
      ["full", () => ops.zeros([1], { device: single, dtype: "float64" })],
      ["tensor", () => tensor(new Float64Array(1), { device: single })],
      ["randn", () => ops.randn([1], { device: single, dtype: "float64" })],
      ["eye", () => ops.eye(1, 1, { device: single, dtype: "float64" })],
    ] as const) {
      expect(make).toThrow(refusal("DTypeError", `${op}: single does not compute in float64; it has float32`));
    }
  });

  it("big integers", () => {
    const values: unknown = new BigInt64Array(1);
    // What plain JavaScript can do; the types refuse it.
    expect(() => Reflect.apply(tensor, undefined, [values])).toThrow(
      refusal("DTypeError", "tensor: values must be numbers; convert big integers first"),
    );
  });
});
