// float32 products and convolutions by the path that the start-up probe picks, against the loops.
import {
  convGeometry,
  convInputShape,
  convOutputShape,
  convWeightShape,
  type FloatArray,
  type Storage,
  sizeOf,
} from "@squall/device";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cpu, type KernelPath, setConvAlgorithm, setKernelPath, setThreads } from "../src/index.ts";
import { convAlgorithm, forceWinograd } from "../src/settings.ts";
import { numbers, seed, values } from "./samples.ts";

const { conv, convInputGradient, convWeightGradient, matmul } = cpu.kernels;

function by(path: KernelPath, compute: () => Storage): FloatArray {
  setKernelPath(path);
  try {
    return values(compute());
  } finally {
    setKernelPath("auto");
  }
}

/**
 * Expects the picked path to agree with the loops to the rounding of float32 sums: at most `terms + 2` roundings of the sum of the
 * sizes of what is summed.
 * @param compute - from two operands
 */
function expectAgreement(
  terms: number,
  a: FloatArray,
  b: FloatArray,
  compute: (a: Storage, b: Storage) => Storage,
): void {
  const sizes = (data: FloatArray): FloatArray => data.map(Math.abs);
  const run = (path: KernelPath, x: FloatArray, y: FloatArray): FloatArray =>
    by(path, () => compute(cpu.upload(x), cpu.upload(y)));
  const [picked, oracle, bound] = [run("auto", a, b), run("loops", a, b), run("loops", sizes(a), sizes(b))];
  expect(picked.length).toBe(oracle.length);
  for (let i = 0; i < picked.length; i++) {
    if (Math.abs(picked[i] - oracle[i]) <= (terms + 2) * 2 ** -24 * bound[i] + 1e-30) continue;
    expect.fail(`element ${i}: ${picked[i]} instead of ${oracle[i]}`);
  }
}

const axis = fc
  .record({
    size: fc.integer({ min: 1, max: 12 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.nat(3),
    after: fc.nat(3),
  })
  .map((a) => ({ ...a, after: a.after + Math.max(0, a.dilation * (a.kernel - 1) + 1 - a.size - a.before - a.after) }));

const convolutions = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 2 }),
    inputs: fc.integer({ min: 1, max: 5 }),
    outputs: fc.integer({ min: 1, max: 9 }),
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
    seed,
  })
  .map(({ batch, groups, inputs, outputs, axes, seed: start }) => ({
    geometry: convGeometry(
      "conv",
      [batch, inputs * groups, ...axes.map((a) => a.size)],
      [outputs * groups, inputs, ...axes.map((a) => a.kernel)],
      {
        groups,
        stride: axes.map((a) => a.stride),
        dilation: axes.map((a) => a.dilation),
        padding: axes.map((a) => [a.before, a.after] as const),
      },
    ),
    start,
  }));

describe("the picked path agrees with the loops", () => {
  // The bound is that of plain sums; winograd.test.ts holds the other algorithm to its own.
  const before = convAlgorithm();
  beforeEach(() => setConvAlgorithm("exact"));
  afterEach(() => {
    if (before === "winograd") forceWinograd();
    else setConvAlgorithm(before);
  });

  it("in convolutions of any geometry and their gradients", () => {
    fc.assert(
      fc.property(convolutions, ({ geometry, start }) => {
        const [input, weight, output] = [
          convInputShape(geometry),
          convWeightShape(geometry),
          convOutputShape(geometry),
        ].map(sizeOf);
        const x = numbers("float32", input, start);
        const w = numbers("float32", weight, start + 1);
        const g = numbers("float32", output, start + 2);
        expectAgreement(weight / geometry.outChannels, x, w, (a, b) => conv(geometry, a, b, undefined));
        expectAgreement(weight, g, w, (a, b) => convInputGradient(geometry, a, b));
        expectAgreement(output / geometry.outChannels, x, g, (a, b) => convWeightGradient(geometry, a, b));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [1, 1, 1],
    [7, 3, 9],
    [65, 1500, 33],
    [6, 8, 8],
    [200, 64, 200],
  ])("in matrix products of %i x %i x %i, plain and transposed", (rows, inner, columns) => {
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
    ] as const) {
      const geometry = { batch: 2, rows, inner, columns, transposeA, transposeB };
      const [a, b] = [numbers("float32", 2 * rows * inner, 1), numbers("float32", 2 * inner * columns, 2)];
      expectAgreement(inner, a, b, (x, y) => matmul(geometry, x, y));
    }
  });

  it("to the last bit when it runs twice", () => {
    const geometry = convGeometry("conv", [2, 5, 9, 9], [7, 5, 3, 3], { padding: 1 });
    const [x, w] = [cpu.upload(numbers("float32", 810, 3)), cpu.upload(numbers("float32", 315, 4))];
    expect(values(conv(geometry, x, w, undefined))).toEqual(values(conv(geometry, x, w, undefined)));
  });

  it("in float64 exactly: both are the loops", () => {
    const geometry = { batch: 1, rows: 5, inner: 7, columns: 3, transposeA: false, transposeB: false };
    const compute = (): Storage =>
      matmul(geometry, cpu.upload(numbers("float64", 35, 1)), cpu.upload(numbers("float64", 21, 2)));
    expect(by("auto", compute)).toEqual(by("loops", compute));
  });
});

describe("the path", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("is described, and can be chosen", () => {
    const vectors = "cpu: WebAssembly SIMD(?: with fused multiply-add)?(?: over 256 bits)? for float32";
    setConvAlgorithm("auto");
    setThreads(2);
    expect(cpu.describe()).toMatch(new RegExp(`^${vectors}, typed-array loops for float64, 2 threads$`));
    setConvAlgorithm("exact");
    setThreads(1);
    expect(cpu.describe()).toMatch(
      new RegExp(`^${vectors}, convolutions exact \\(as set\\), typed-array loops for float64, 1 thread, as set$`),
    );
    setConvAlgorithm("auto");
    setKernelPath("loops");
    expect(cpu.describe()).toBe("cpu: typed-array loops (as set), 1 thread");
    setKernelPath("auto");
    const unknown: unknown = "fast";
    expect(() => setKernelPath(unknown as KernelPath)).toThrow(
      'setKernelPath: there is no path "fast"; there are auto and loops',
    );
  });

  /** The package as it finds itself where `WebAssembly` is something else. */
  async function packageWith(webAssembly: unknown): Promise<typeof import("../src/index.ts")> {
    vi.stubGlobal("WebAssembly", webAssembly);
    vi.resetModules();
    return import("../src/index.ts");
  }

  it("is the loops, with the reason, where there is no WebAssembly", async () => {
    const found = await packageWith(undefined);
    expect(found.cpu.describe()).toBe("cpu: typed-array loops (no WebAssembly), 1 thread");
  });

  it("is the loops where there is no SIMD", async () => {
    const found = await packageWith({ validate: () => false });
    expect(found.cpu.describe()).toBe("cpu: typed-array loops (no WebAssembly SIMD), 1 thread");
    const product = { batch: 1, rows: 1, inner: 2, columns: 1, transposeA: false, transposeB: false };
    const a = found.cpu.upload(Float32Array.of(2, 3));
    expect(found.cpu.readSync(found.cpu.kernels.matmul(product, a, a))).toEqual(Float32Array.of(13));
  });

  it("is the loops where a page may not compile", async () => {
    const { CompileError, Memory } = WebAssembly;
    const Module = class {
      constructor() {
        throw new CompileError("blocked by Content Security Policy");
      }
    };
    const found = await packageWith({ validate: () => true, Memory, Module, CompileError });
    expect(found.cpu.describe()).toBe(
      "cpu: typed-array loops (WebAssembly refused: blocked by Content Security Policy), 1 thread",
    );
  });

  it("is one thread, with the reason, in a page that is not isolated", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    const found = await packageWith(WebAssembly);
    expect(found.cpu.describe()).toMatch(/ for float32, .*, 1 thread: no shared memory$/);
  });

  it("is the loops where the kernel gives wrong numbers", async () => {
    const { CompileError, Memory, Module, validate } = WebAssembly;
    const Instance = class {
      readonly exports = { run: () => {} };
    };
    const found = await packageWith({ validate, Memory, Module, Instance, CompileError });
    expect(found.cpu.describe()).toBe("cpu: typed-array loops (WebAssembly SIMD gave wrong numbers), 1 thread");
  });
});
