// Kernels at sizes that conformance does not reach, against the cpu in float64.
import { cpu } from "@squall/cpu";
import {
  type CopyGeometry,
  convGeometry,
  convOutputShape,
  type Device,
  expressions as e,
  type Storage,
  sizeOf,
  type UnaryFunction,
} from "@squall/device";
import { Generator } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openWebGpu } from "../../../scripts/webgpu.ts";
import { createDevice } from "../src/createDevice.ts";
import { webasmEngine } from "../src/engine/webasm.ts";

const webgpu = await openWebGpu();
const devices = [
  { what: "sources in WebAssembly mode", device: createDevice(webasmEngine(), "gpu").device, runs: 60 },
  ...("device" in webgpu ? [{ what: "WebGPU", device: webgpu.device, runs: 12 }] : []),
];

function randoms(seed: number, length: number): Float32Array {
  const generator = new Generator(seed);
  return Float32Array.from({ length }, () => generator.normal());
}

/** Largest difference as a part of the largest expected value. */
function apart(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let [largest, difference] = [1e-3, 0];
  expect(got.length).toBe(want.length);
  for (let k = 0; k < want.length; k++) {
    largest = Math.max(largest, Math.abs(want[k] ?? Number.NaN));
    difference = Math.max(difference, Math.abs((got[k] ?? Number.NaN) - (want[k] ?? Number.NaN)));
  }
  return difference / largest;
}

/** Runs the same on a device in float32 and on the cpu in float64. */
async function compare(
  device: Device,
  inputs: readonly Float32Array[],
  compute: (device: Device, storages: readonly Storage[]) => Storage,
  tolerance: number,
): Promise<void> {
  const got = await device.read(
    compute(
      device,
      inputs.map((data) => device.upload(data)),
    ),
  );
  const want = cpu.readSync(
    compute(
      cpu,
      inputs.map((data) => cpu.upload(Float64Array.from(data))),
    ),
  );
  expect(apart(got, want)).toBeLessThanOrEqual(tolerance);
}

function at(storages: readonly Storage[], k: number): Storage {
  const found = storages[k];
  if (found === undefined) throw new Error(`no storage ${k}`);
  return found;
}

const whole = (min: number, max: number) => fc.integer({ min, max });
const axis = fc.record({
  extra: whole(0, 14),
  kernel: whole(1, 7),
  stride: whole(1, 3),
  dilation: whole(1, 2),
  pad: whole(0, 3),
});

describe.each(devices)("$what", ({ device, runs }) => {
  it("convolves, forward and both ways back", async () => {
    const problem = fc.record({
      batch: whole(1, 3),
      groups: whole(1, 3),
      inPerGroup: whole(1, 5),
      outPerGroup: whole(1, 5),
      axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(problem, async ({ batch, groups, inPerGroup, outPerGroup, axes, seed }) => {
        const sizes = axes.map(
          ({ extra, kernel, dilation, pad }) => Math.max(1, dilation * (kernel - 1) + 1 - 2 * pad) + extra,
        );
        const input = [batch, groups * inPerGroup, ...sizes];
        const weight = [groups * outPerGroup, inPerGroup, ...axes.map(({ kernel }) => kernel)];
        const geometry = convGeometry("conv", input, weight, {
          groups,
          stride: axes.map(({ stride }) => stride),
          dilation: axes.map(({ dilation }) => dilation),
          padding: axes.map(({ pad }) => pad),
        });
        const x = randoms(seed, sizeOf(input));
        const w = randoms(seed + 1, sizeOf(weight));
        const g = randoms(seed + 2, sizeOf(convOutputShape(geometry)));
        const b = randoms(seed + 3, groups * outPerGroup);
        await compare(
          device,
          [x, w, b],
          ({ kernels }, s) => kernels.conv(geometry, at(s, 0), at(s, 1), at(s, 2)),
          1e-5,
        );
        await compare(
          device,
          [g, w],
          ({ kernels }, s) => kernels.convInputGradient(geometry, at(s, 0), at(s, 1)),
          1e-5,
        );
        await compare(
          device,
          [x, g],
          ({ kernels }, s) => kernels.convWeightGradient(geometry, at(s, 0), at(s, 1)),
          1e-5,
        );
      }),
      { numRuns: runs, seed: 1 },
    );
  });

  it("reduces long rows and many, in parts", async () => {
    const shapes = [[100_003], [7, 5001], [5001, 7], [3, 333, 11], [2, 3, 70, 5], [70_001, 2]];
    for (const [k, shape] of shapes.entries()) {
      for (let mask = 1; mask < 2 ** shape.length; mask++) {
        const reduced = shape.map((_, axis) => (mask & (1 << axis)) !== 0);
        const data = randoms(k, sizeOf(shape));
        for (const reduction of ["sum", "max"] as const) {
          const compute = ({ kernels }: Device, s: readonly Storage[]) =>
            kernels.reduce({ shape, reduced }, reduction, at(s, 0));
          await compare(device, [data], compute, reduction === "sum" ? 1e-5 : 0);
        }
      }
    }
  });

  it("multiplies matrices of every remainder", async () => {
    const problem = fc.record({
      batch: whole(1, 3),
      rows: whole(1, 9),
      inner: whole(1, 40),
      columns: whole(1, 13),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(problem, async ({ seed, ...geometry }) => {
        const { batch, rows, inner, columns } = geometry;
        const inputs = [randoms(seed, batch * rows * inner), randoms(seed + 1, batch * inner * columns)];
        await compare(device, inputs, ({ kernels }, s) => kernels.matmul(geometry, at(s, 0), at(s, 1)), 1e-5);
      }),
      { numRuns: runs, seed: 1 },
    );
  });

  it("copies any block to any block", async () => {
    const axes = fc.array(
      fc.record({ size: whole(1, 5), room: whole(0, 2), step: whole(1, 3), source: whole(0, 1), flip: fc.boolean() }),
      { maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(fc.record({ axes, offset: whole(0, 3), order: fc.nat() }), async ({ axes, offset, order }) => {
        const targetStrides: number[] = [];
        let length = 1;
        for (const { size, room, step } of axes.toReversed()) {
          targetStrides.unshift(length * step);
          length *= size * step + room;
        }
        const sourceStrides: number[] = [];
        let [sourceLength, sourceOffset] = [1, 0];
        for (const { size, source, flip } of axes.toReversed()) {
          const stride = source === 0 ? 0 : sourceLength;
          if (source !== 0) sourceLength *= size;
          if (flip) sourceOffset += (size - 1) * stride;
          sourceStrides.unshift(flip ? -stride : stride);
        }
        // Axes in any order: a permutation.
        const turn = <T>(list: readonly T[]): T[] =>
          list.map((_, k) => list[(k + order) % list.length] ?? list[k]).filter((each) => each !== undefined);
        const geometry: CopyGeometry = {
          shape: turn(axes.map(({ size }) => size)),
          sourceOffset,
          sourceStrides: turn(sourceStrides),
          targetOffset: offset,
          targetStrides: turn(targetStrides),
        };
        const inputs = [randoms(1, sourceLength), randoms(2, length + offset)];
        const compute = ({ kernels }: Device, s: readonly Storage[]): Storage => {
          kernels.copy(geometry, at(s, 0), at(s, 1));
          return at(s, 1);
        };
        await compare(device, inputs, compute, 0);
      }),
      { numRuns: 2 * runs, seed: 1 },
    );
  });

  it("computes functions to float32 over their whole range", async () => {
    const spread = Float32Array.from({ length: 4001 }, (_, k) => {
      const size = 10 ** ((Math.abs(k - 2000) / 2000) * 9 - 6);
      return k < 2000 ? -size : size;
    });
    const within = (limit: number, low = -limit) => spread.filter((x) => Math.abs(x) <= limit && x >= low);
    // Largest error against double precision, relative down to results of the last size, absolute below.
    const functions: readonly (readonly [UnaryFunction, Float32Array, number, number])[] = [
      ["exp", within(80), 2e-5, 1e-6],
      ["expm1", within(80), 2e-5, 1e-6],
      ["log", within(1000, 0), 2e-6, 1],
      ["log1p", within(1000, -0.99), 2e-6, 1e-3],
      ["sqrt", within(1000, 0), 1e-6, 1e-3],
      ["sin", within(1000), 2e-4, 1],
      ["cos", within(1000), 2e-4, 1],
      ["tanh", spread, 2e-6, 1e-3],
      ["sigmoid", spread, 2e-6, 1e-3],
      ["floor", spread, 0, 1],
      ["ceil", spread, 0, 1],
      ["round", spread, 0, 1],
      ["sign", spread, 0, 1],
    ];
    for (const [fn, xs, tolerance, small] of functions) {
      const geometry = { shape: [xs.length], strides: [[1]] };
      const compute = ({ kernels }: Device, s: readonly Storage[]) =>
        kernels.map(geometry, e.unary(fn, e.input(0)), s, []);
      const got = await device.read(compute(device, [device.upload(xs)]));
      const want = cpu.readSync(compute(cpu, [cpu.upload(Float64Array.from(xs))]));
      for (const [k, value] of got.entries()) {
        const wanted = want[k] ?? Number.NaN;
        const error = Math.abs(value - wanted) / Math.max(Math.abs(wanted), small);
        if (!(error <= tolerance)) throw new Error(`${fn}(${xs[k]}) is ${value} instead of ${wanted}: off by ${error}`);
      }
    }
  });
});
