// One device: the CPU. What it computes of a whole sequence in float32 against the same steps in float64.

import { type ConvAlgorithm, setConvAlgorithm } from "@squall/cpu";
import { type ConvOptions, type Peephole, sizeOf } from "@squall/device";
import { ConvLSTMCell, type SpatialDims } from "@squall/nn";
import { Generator, grad, noGrad, randn, type Tensor } from "@squall/tensor";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { convAlgorithm, forceWinograd } from "../../../cpu/src/settings.ts";

interface Sizes {
  readonly dims: SpatialDims;
  readonly steps: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly image: readonly number[];
  readonly kernel: readonly number[];
  readonly stateKernel: readonly number[];
  readonly peephole: Peephole;
  readonly bias: boolean;
  /** How the input is convolved, other than with the size kept. */
  readonly conv: ConvOptions;
  readonly seed: number;
}

const largest: Record<SpatialDims, number> = { 1: 40, 2: 18, 3: 6 };

const sizes: fc.Arbitrary<Sizes> = fc.constantFrom<SpatialDims>(1, 2, 2, 2, 3).chain((dims) => {
  const list = (max: number): fc.Arbitrary<number[]> =>
    fc.array(fc.integer({ min: 1, max }), { minLength: dims, maxLength: dims });
  const square = fc.constantFrom(1, 3, 3, 5).map((k) => Array.from({ length: dims }, () => k));
  const kernel = fc.oneof(square, list(dims === 3 ? 3 : 6));
  return fc
    .record({
      dims: fc.constant(dims),
      steps: fc.integer({ min: 1, max: 4 }),
      batch: fc.integer({ min: 1, max: 4 }),
      inputs: fc.integer({ min: 0, max: 11 }),
      hidden: fc.integer({ min: 1, max: 19 }),
      image: list(largest[dims]),
      kernel,
      stateKernel: kernel,
      alike: fc.boolean(),
      peephole: fc.constantFrom<Peephole>("none", "channel", "full"),
      bias: fc.boolean(),
      conv: fc.oneof(
        { weight: 3, arbitrary: fc.constant<ConvOptions>({}) },
        fc.record<ConvOptions>({
          padding: fc.constantFrom("same" as const, 5),
          stride: fc.constantFrom(1, 1, 2),
          dilation: fc.constantFrom(1, 1, 2),
        }),
      ),
      seed: fc.integer(),
    })
    .map(({ alike, ...rest }) => (alike ? { ...rest, stateKernel: rest.kernel } : rest));
});

/** Outputs and gradients of everything, in one dtype; the numbers are those of float32 in either. */
function results(problem: Sizes, dtype: "float32" | "float64"): Tensor[] {
  const { steps, batch, inputs, hidden, image } = problem;
  const generator = new Generator(problem.seed);
  const numbers = (shape: readonly number[], scale = 1): Tensor => {
    const tensor = randn(shape, { dtype: "float32", generator }).mul(scale).to(dtype);
    return tensor.detach().requiresGrad_(true);
  };
  const cell = new ConvLSTMCell({
    inputChannels: inputs,
    hiddenChannels: hidden,
    spatialDims: problem.dims,
    kernelSize: problem.kernel,
    stateKernelSize: problem.stateKernel,
    peephole: problem.peephole,
    bias: problem.bias,
    imageSize: image,
    dtype,
    ...(inputs > 0 && problem.conv),
  });
  noGrad(() => {
    for (const parameter of cell.parameters()) {
      const taps = Math.max(1, sizeOf(parameter.shape.slice(1)));
      parameter.copy_(numbers(parameter.shape, parameter.shape.length > 3 ? 1 / Math.sqrt(taps) : 0.5));
    }
  });
  const x = inputs === 0 ? undefined : numbers([steps, batch, inputs, ...image]);
  const shape = [batch, hidden, ...cell.sizeOfStates("test", image)];
  const state = { h: numbers(shape), c: numbers(shape) };
  const { hidden: sequence, state: last } = cell.sequence(x, steps, state, {
    input: undefined,
    state: undefined,
    steps: undefined,
  });
  const outputs = [sequence, last.h, last.c];
  const leaves = [...(x === undefined ? [] : [x]), state.h, state.c, ...cell.parameters()];
  const gradOutputs = outputs.map(({ shape }) => randn(shape, { dtype: "float32", generator }).to(dtype));
  return [...outputs.map((output) => output.detach()), ...grad(outputs, leaves, { gradOutputs })];
}

/** Largest difference, as a part of the largest value. */
function error(ours: Tensor, theirs: Tensor): number {
  expect(ours.shape).toEqual(theirs.shape);
  const largestValue = theirs.abs().max().itemSync();
  const difference = ours.to("float64").sub(theirs).abs().max().itemSync();
  return difference / Math.max(largestValue, 1e-3);
}

const before = convAlgorithm();
afterEach(() => {
  if (before === "winograd") forceWinograd();
  else setConvAlgorithm(before);
});

describe("a float32 sequence", () => {
  it.each<[ConvAlgorithm, number]>([
    ["exact", 2e-5],
    ["auto", 1e-4],
  ])("computed %s is that of float64 steps to %f, forward and backward", (algorithm, bound) => {
    setConvAlgorithm(algorithm);
    fc.assert(
      fc.property(sizes, (problem) => {
        const [ours, theirs] = [results(problem, "float32"), results(problem, "float64")];
        for (const [k, tensor] of ours.entries()) {
          const other = theirs[k];
          if (other !== undefined) expect(error(tensor, other)).toBeLessThan(bound);
        }
      }),
      { numRuns: 60 },
    );
  });
});
