import { ArgumentError, StateDictError } from "@squall/device";
import { type DType, noGrad, tensor } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  FormatError,
  type JsonObject,
  modelFromSafetensors,
  modelToSafetensors,
  tensorsFromSafetensors,
  tensorsToSafetensors,
} from "../src/index.ts";
import { build, Forecaster } from "./models.ts";
import { expectError } from "./samples.ts";

/** A model without tensors. */
function holder(config: unknown): { config: object; stateDict(): Record<string, never>; loadStateDict(): void } {
  return { config: config as never, stateDict: () => ({}), loadStateDict: () => {} };
}

/** JSON that JSON gives back: it has -0, too, and drops the sign. */
const json = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => JSON.parse(JSON.stringify(value)));

async function bytesWith(config: string): Promise<Uint8Array> {
  return tensorsToSafetensors({}, { "squall.config": config });
}

describe("a model in one safetensors file", () => {
  const dtypes = fc.constantFrom<DType>("float32", "float64");
  const hidden = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });

  it("comes back with its class, configuration, weights and dtype", async () => {
    await fc.assert(
      fc.asyncProperty(hidden, dtypes, fc.boolean(), async (sizes, dtype, converted) => {
        // Built so, or converted afterwards, which its configuration knows nothing of.
        const model = converted ? new Forecaster(sizes).to(dtype) : new Forecaster(sizes, dtype);
        const loaded = modelFromSafetensors(await modelToSafetensors(model), build);
        expect(loaded).toBeInstanceOf(Forecaster);
        expect(loaded.config).toEqual(model.config);
        const [want, got] = [model.stateDict(), loaded.stateDict()];
        expect(Object.keys(got)).toEqual(Object.keys(want));
        for (const [name, value] of Object.entries(want)) {
          expect([got[name].dtype, got[name].dataSync()]).toEqual([dtype, value.dataSync()]);
        }
        expect(loaded.parameters().every((parameter) => parameter.requiresGrad)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it("keeps any configuration of plain JSON as it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), json), async (config) => {
        let got: JsonObject = {};
        const make = (read: JsonObject): ReturnType<typeof holder> => {
          got = read;
          return holder(read);
        };
        modelFromSafetensors(await modelToSafetensors(holder(config)), make);
        expect(got).toEqual({ ...config });
      }),
      { numRuns: 100 },
    );
  });

  it("stands beside other text, and other readers find its tensors", async () => {
    const model = new Forecaster([2]);
    const { tensors, metadata } = tensorsFromSafetensors(await modelToSafetensors(model, { epoch: "3" }));
    expect(metadata).toEqual({ epoch: "3", "squall.config": '{"kind":"Forecaster","hidden":[2]}' });
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(model.stateDict()).sort());
  });

  it("is that of the moment it was asked for", async () => {
    const config: { size: number } = { size: 1 };
    const w = tensor([1, 2], { requiresGrad: true });
    const saving = modelToSafetensors({ config, stateDict: () => ({ w }) });
    config.size = 2;
    noGrad(() => w.fill_(9));
    const { tensors, metadata } = tensorsFromSafetensors(await saving);
    expect([tensors.w.toArray(), metadata["squall.config"]]).toEqual([[1, 2], '{"size":1}']);
  });

  it("may have tensors of several dtypes, if it is built with them", async () => {
    const state = { a: tensor([1]), b: tensor([2], { dtype: "float64" }) };
    const loaded: Record<string, DType> = {};
    const make = (): Omit<ReturnType<typeof holder>, "loadStateDict"> & { loadStateDict(sd: object): void } => ({
      ...holder({}),
      loadStateDict: (sd) => {
        for (const [name, { dtype }] of Object.entries(sd)) loaded[name] = dtype;
      },
    });
    modelFromSafetensors(await modelToSafetensors({ config: {}, stateDict: () => state }), make);
    expect(loaded).toEqual({ a: "float32", b: "float64" });
  });
});

describe("modelToSafetensors refuses", () => {
  class Size {
    readonly rows = 3;
  }
  const round: { inner?: object } = {};
  round.inner = { round };
  const cases: readonly (readonly [unknown, string])[] = [
    [{ lr: Number.NaN }, "config.lr is NaN"],
    [{ layers: [{ x: Number.POSITIVE_INFINITY }] }, "config.layers[0].x is Infinity"],
    [{ layers: [{}, { "a b": [1, -0] }] }, 'config.layers[1]["a b"][1] is -0'],
    [{ bias: undefined }, "config.bias is undefined"],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is refused
    [{ sizes: [1, , 2] }, "config.sizes[1] is undefined"],
    [{ activation: Math.tanh }, "config.activation is a function"],
    [{ size: 3n }, "config.size is a bigint"],
    [{ size: Symbol("s") }, "config.size is a symbol"],
    [{ [Symbol("s")]: 1 }, "config is an object with symbols for names"],
    [{ size: new Size() }, "config.size is an instance of Size"],
    [{ made: new Date(0) }, "config.made is an instance of Date"],
    [{ kernel: Float32Array.of(1) }, "config.kernel is an instance of Float32Array"],
    [new Size(), "config is an instance of Size"],
    [{ list: Object.assign([1], { name: "x" }) }, "config.list is an array with names of its own"],
    [round, "config.inner.round is an object that holds itself"],
  ];

  it.each(cases)("a configuration that JSON would change: %#", async (config, what) => {
    const text = `modelToSafetensors: ${what}, which JSON would not give back; a model's config must be plain JSON`;
    await expect(modelToSafetensors(holder(config))).rejects.toThrow(ArgumentError);
    await expect(modelToSafetensors(holder(config))).rejects.toHaveProperty("message", text);
  });

  it.each([undefined, null, "Forecaster", [1]])("a configuration that is no object: %j", async (config) => {
    await expect(modelToSafetensors(holder(config))).rejects.toHaveProperty(
      "message",
      "modelToSafetensors: the model has no config, an object of plain JSON that says how it is made",
    );
  });

  it("metadata under the configuration's name", async () => {
    await expect(modelToSafetensors(holder({}), { "squall.config": "mine" })).rejects.toHaveProperty(
      "message",
      'modelToSafetensors: metadata cannot have the name "squall.config", under which the model\'s config stands; take another name',
    );
  });

  it("nothing that occurs twice without holding itself", async () => {
    const shared = { k: 3 };
    const { metadata } = tensorsFromSafetensors(await modelToSafetensors(holder({ a: shared, b: [shared, shared] })));
    expect(metadata["squall.config"]).toBe('{"a":{"k":3},"b":[{"k":3},{"k":3}]}');
  });
});

describe("modelFromSafetensors refuses", () => {
  it("files without a configuration", async () => {
    const bytes = await tensorsToSafetensors({ w: tensor([1]) }, { epoch: "3" });
    expectError(
      () => modelFromSafetensors(bytes, build),
      FormatError,
      'modelFromSafetensors: there is no model\'s config in the file, text under "squall.config" in its metadata; it holds tensors alone, to be loaded into a model that you make yourself',
    );
  });

  it.each([
    ["[1]", "the model's config must be a JSON object"],
    ["null", "the model's config must be a JSON object"],
    ['{"a":1,"a":2}', 'the model\'s config has "a" twice'],
  ])("the configuration %s", async (config, what) => {
    const bytes = await bytesWith(config);
    expectError(() => modelFromSafetensors(bytes, build), FormatError, `modelFromSafetensors: ${what}`);
  });

  it("a configuration that is not JSON", async () => {
    const bytes = await bytesWith("{hidden: 3}");
    expect(() => modelFromSafetensors(bytes, build)).toThrow(FormatError);
    expect(() => modelFromSafetensors(bytes, build)).toThrow(/^modelFromSafetensors: the model's config is not JSON: /);
  });

  it("a configuration that no model can be built of, with the reason", async () => {
    const bytes = await bytesWith('{"kind":"Forecaster","hidden":[0]}');
    expect(() => modelFromSafetensors(bytes, build)).toThrow(FormatError);
    expect(() => modelFromSafetensors(bytes, build)).toThrow(
      /^modelFromSafetensors: no model can be built of the file's config: hiddenChannels/,
    );
    expect(() => modelFromSafetensors(bytes, build)).toThrow(
      expect.objectContaining({ cause: expect.any(ArgumentError) }),
    );
    const other = await bytesWith("{}");
    expectError(() => modelFromSafetensors(other, build), TypeError, "this is no Forecaster");
    expectError(
      () => modelFromSafetensors(other, () => ({}) as never),
      ArgumentError,
      "modelFromSafetensors: build must return a model, with stateDict() and loadStateDict()",
    );
  });

  it("weights that do not fit the model, which is not changed", async () => {
    const bytes = await tensorsToSafetensors(
      { ...new Forecaster([3]).stateDict(), extra: tensor([1]) },
      { "squall.config": '{"kind":"Forecaster","hidden":[3]}' },
    );
    const made: Forecaster[] = [];
    const make = (config: JsonObject): Forecaster => {
      const model = build(config);
      noGrad(() => model.head.bias?.fill_(7));
      made.push(model);
      return model;
    };
    expectError(
      () => modelFromSafetensors(bytes, make),
      StateDictError,
      "modelFromSafetensors: the state dict does not fit Forecaster: unexpected: extra",
    );
    expect(made[0].head.bias?.toArray()).toEqual([7, 7]);
  });

  it("weights of another dtype than that of a model that cannot be converted", async () => {
    const bytes = await modelToSafetensors(new Forecaster([2], "float64"));
    const make = (config: JsonObject): Pick<Forecaster, "stateDict" | "loadStateDict"> => {
      const model = build(config);
      return { stateDict: () => model.stateDict(), loadStateDict: (sd) => model.loadStateDict(sd) };
    };
    expect(() => modelFromSafetensors(bytes, make)).toThrow(StateDictError);
  });

  it("what is no safetensors file", () => {
    expect(() => modelFromSafetensors(new Uint8Array(3), build)).toThrow(
      "modelFromSafetensors: the file has 3 bytes but needs at least 8",
    );
  });
});
