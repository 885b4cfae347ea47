// Order, errors, memory and compiled kernels, on an engine that computes nothing.
import { convGeometry, DeviceError, DTypeError, expressions as e, storageScope } from "@squall/device";
import { describe, expect, it } from "vitest";
import { createDevice } from "../src/createDevice.ts";
import { gpuDevice } from "../src/index.ts";
import { ProgramCache } from "../src/programCache.ts";
import { fakeEngine } from "./fakeEngine.ts";

const plusOne = e.add(e.input(0), 1);
const flat = (length: number) => ({ shape: [length], strides: [[1]] });

describe("work", () => {
  it("goes to the engine at once where kernels are compiled, and each is compiled once", () => {
    const engine = fakeEngine();
    const { device } = createDevice(engine, "gpu");
    const source = device.upload(new Float32Array(3));
    device.kernels.map(flat(3), plusOne, [source], []);
    device.kernels.map(flat(3), e.add(e.input(0), 1), [source], []);
    expect(engine.log).toEqual(["compile kernel 0", "run kernel 0", "run kernel 0"]);
  });

  it("lines up behind a kernel that is being compiled, in order", async () => {
    const engine = fakeEngine(true);
    const { device } = createDevice(engine, "gpu");
    const first = device.kernels.map(flat(3), plusOne, [device.upload(new Float32Array(3))], []);
    const second = device.kernels.map(flat(3), plusOne, [first], []);
    device.dispose(first);
    const reading = device.read(second);
    expect(engine.log).toEqual(["compile kernel 0"]);
    engine.compileAll();
    expect(await reading).toHaveLength(3);
    expect(engine.log).toEqual(["compile kernel 0", "run kernel 0", "run kernel 0"]);
    expect(engine.live()).toBe(2);
  });

  it("writes in place for readers that were lined up before the target was disposed", async () => {
    const engine = fakeEngine(true);
    const { device } = createDevice(engine, "gpu");
    const target = device.upload(new Float32Array(3));
    device.kernels.update([plusOne], [target], [], []);
    const result = device.kernels.map(flat(3), plusOne, [target], []);
    device.dispose(target);
    const reading = device.read(result);
    for (let k = 0; k < 3; k++) {
      engine.compileAll();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(await reading).toHaveLength(3);
    expect(engine.live()).toBe(1);
  });

  it("never gets far ahead of the GPU", () => {
    const engine = fakeEngine();
    const { device } = createDevice(engine, "gpu");
    const source = device.upload(new Float32Array(3));
    for (let k = 0; k < 1000; k++) device.dispose(device.kernels.map(flat(3), plusOne, [source], []));
    expect(engine.log.filter((line) => line === "finish").length).toBeGreaterThan(0);
    // The third fence waits for the first: what follows is lined up, not launched.
    expect(engine.log.filter((line) => line.startsWith("run")).length).toBe(512);
  });
});

describe("errors", () => {
  it("surface at the read with the name of the op that failed, through all that was computed from it", async () => {
    const engine = fakeEngine();
    const { device } = createDevice(engine, "gpu");
    engine.failNext = "no such luck";
    const source = device.upload(new Float32Array(6));
    const broken = device.kernels.reduce({ shape: [2, 3], reduced: [false, true] }, "sum", source);
    const derived = device.kernels.map(flat(2), plusOne, [broken], []);
    const target = device.upload(new Float32Array(2));
    device.kernels.update([e.add(e.input(0), e.input(1))], [target], [derived], []);
    for (const storage of [broken, derived, target]) {
      await expect(device.read(storage)).rejects.toThrow("reduce: failed on the GPU: no such luck");
    }
    // What has nothing to do with it goes on, the op itself too.
    expect(await device.read(source)).toHaveLength(6);
    expect(
      await device.read(device.kernels.reduce({ shape: [2, 3], reduced: [false, true] }, "sum", source)),
    ).toHaveLength(2);
  });

  it("are thrown at once where they can be", () => {
    const { device } = createDevice(fakeEngine(), "gpu");
    expect(() => device.kernels.fill("float32", 1001, 1)).toThrow(
      "fill: a tensor of 1001 elements is larger than the 1000 that one buffer of this GPU holds (a fake); use smaller batches or images",
    );
    expect(() => device.kernels.fill("float64", 1, 1)).toThrow(DTypeError);
    expect(() => device.kernels.cast(device.upload(new Float32Array(1)), "float64")).toThrow(
      'cast: the gpu computes in float32 and has no float64; use to("float32") or stay on the cpu',
    );
    expect(() => device.upload(new Float64Array(1))).toThrow(DTypeError);
    expect(() => device.readSync(device.upload(new Float32Array(1)))).toThrow(
      "readSync: the gpu can only answer later; use await data() or await item()",
    );
  });

  it("tell of a kernel that reads too many tensors", async () => {
    const { device } = createDevice(fakeEngine(), "gpu");
    const inputs = Array.from({ length: 8 }, () => device.upload(new Float32Array(1)));
    const sum = inputs.map((_, k) => e.input(k)).reduce((a, b) => e.add(a, b));
    const geometry = { shape: [1], strides: inputs.map(() => [1]) };
    expect(() => device.kernels.map(geometry, sum, inputs, [])).toThrow(
      "map: reads 8 tensors at once, but a kernel on this GPU reads at most 7; split the expression",
    );
    // Those that an expression ignores do not count.
    const seven = inputs
      .slice(0, 7)
      .map((_, k) => e.input(k))
      .reduce((a, b) => e.add(a, b));
    const fits = device.kernels.map({ shape: [1], strides: inputs.map(() => [1]) }, seven, inputs, []);
    expect(await device.read(fits)).toHaveLength(1);
  });

  it("tell of convolutions with more rows than a kernel counts", () => {
    const { device } = createDevice({ ...fakeEngine(), maxLength: 2 ** 40 }, "gpu");
    const geometry = convGeometry("conv1d", [2 ** 13, 1, 1], [2 ** 12, 1, 1]);
    const [input, weight] = [device.upload(new Float32Array(2 ** 13)), device.upload(new Float32Array(2 ** 12))];
    expect(() => device.kernels.conv(geometry, input, weight, undefined)).toThrow(
      "conv: runs over 8192 x 1 x 4096 x 1 = 33554432 rows, but a kernel on the GPU counts exactly only to 16777216; use smaller batches or fewer channels",
    );
  });

  it("tell of a tensor that was disposed, and of a second device of the same kind", () => {
    const { device } = createDevice(fakeEngine(), "gpu");
    const { device: other } = createDevice(fakeEngine(), "gpu");
    const storage = device.upload(new Float32Array(1));
    expect(() => other.kernels.map(flat(1), plusOne, [storage], [])).toThrow(
      "map: expected a gpu tensor but got one on another gpu; move it with to(...)",
    );
    device.dispose(storage);
    device.dispose(storage);
    expect(() => device.kernels.map(flat(1), plusOne, [storage], [])).toThrow(
      "map: a tensor was used after it was disposed: by dispose(), using, zeroGrad, or the end of the scope that made it",
    );
  });

  it("tell that the GPU is gone", async () => {
    const engine = fakeEngine();
    const { device } = createDevice(engine, "gpu");
    const storage = device.upload(new Float32Array(1));
    engine.lost = "it fell off the bus";
    const text =
      "the GPU was lost (it fell off the bus), and its tensors with it; open it again with gpuDevice() and load what was saved";
    await expect(device.read(storage)).rejects.toThrow(`read: ${text}`);
    expect(() => device.kernels.map(flat(1), plusOne, [storage], [])).toThrow(`map: ${text}`);
  });
});

describe("memory", () => {
  it("is counted, and given back at the end of a scope", async () => {
    const engine = fakeEngine();
    const { device } = createDevice(engine, "gpu");
    expect(device.memory()).toEqual({ bytes: 0, storages: 0 });
    const kept = storageScope(
      () => {
        const source = device.upload(new Float32Array(5));
        return device.kernels.map(flat(5), plusOne, [source], []);
      },
      (result) => [result],
    );
    expect(device.memory()).toEqual({ bytes: 20, storages: 1 });
    expect(engine.live()).toBe(1);
    device.dispose(kept);
    expect(device.memory()).toEqual({ bytes: 0, storages: 0 });
    expect(engine.live()).toBe(0);
  });

  it("of what a kernel needs in between is not kept", async () => {
    const engine = fakeEngine();
    const { device } = createDevice({ ...engine, maxLength: 2 ** 24 }, "gpu");
    const source = device.upload(new Float32Array(2 ** 20));
    device.kernels.reduce({ shape: [2 ** 20], reduced: [true] }, "sum", source);
    expect(device.memory().storages).toBe(2);
    const geometry = convGeometry("conv2d", [4, 2, 8, 8], [3, 2, 3, 3], { padding: 1 });
    const [input, gradient] = [device.upload(new Float32Array(512)), device.upload(new Float32Array(768))];
    device.kernels.convWeightGradient(geometry, input, gradient);
    expect(device.memory().storages).toBe(5);
  });
});

describe("compiled kernels", () => {
  it("are dropped and freed when they are many, the least used first", () => {
    const engine = fakeEngine();
    const cache = new ProgramCache(engine, 2);
    const source = { inputs: [], scalars: [], threads: [1], lanes: 1, helpers: [], body: "return 0.0;" } as const;
    const a = cache.get("a", () => source);
    cache.get("b", () => source);
    expect(cache.get("a", () => source)).toBe(a);
    cache.get("c", () => source);
    expect(engine.log).toEqual(["compile kernel 0", "compile kernel 1", "compile kernel 2", "destroy kernel 1"]);
    expect(cache.size).toBe(2);
    expect(cache.get("a", () => source)).toBe(a);
  });
});

describe("gpuDevice", () => {
  it("refuses a mode that it does not know", async () => {
    // @ts-expect-error no such mode
    await expect(gpuDevice({ mode: "cuda" })).rejects.toThrow(
      'gpuDevice: mode must be "webgpu" or "webgl2", got "cuda"',
    );
  });

  it("says that WebGL2 is for browsers", async () => {
    await expect(gpuDevice({ mode: "webgl2" })).rejects.toThrow(DeviceError);
    await expect(gpuDevice({ mode: "webgl2" })).rejects.toThrow(
      "gpuDevice: there is no GPU to use. Tried webgl2: WebGL2 needs a browser. The cpu works everywhere",
    );
  });
});
