import { ConvLSTM, type ConvLSTMOptions, type LSTMState, type Module, type SpatialDims } from "@squall/nn";
import { Generator, noGrad, randn, type Tensor } from "@squall/tensor";
import fc from "fast-check";

/** A model with random weights, an input and states for it, all float64 and wanting gradients. */
export interface Problem {
  readonly model: ConvLSTM;
  readonly x: Tensor;
  readonly states: LSTMState[] | undefined;
  /** Everything that can have a gradient. */
  readonly leaves: Tensor[];
}

interface Sizes {
  readonly dims: SpatialDims;
  readonly layers: number;
  readonly steps: number;
  readonly batch: number;
  readonly seed: number;
}

/** Small ConvLSTM problems over all options: dimensions, layers, kernels (odd, even, rectangular, unequal), peepholes, layouts. */
export const problems: fc.Arbitrary<Problem> = fc
  .record({
    dims: fc.constantFrom<SpatialDims>(1, 2, 3),
    layers: fc.integer({ min: 1, max: 2 }),
    steps: fc.integer({ min: 1, max: 3 }),
    batch: fc.integer({ min: 1, max: 2 }),
    seed: fc.integer(),
  })
  .chain((sizes) =>
    fc
      .record({
        inputChannels: fc.integer({ min: 1, max: 2 }),
        hiddenChannels: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: sizes.layers, maxLength: sizes.layers }),
        kernelSize: kernels(sizes),
        stateKernelSize: kernels(sizes),
        bias: fc.boolean(),
        peephole: fc.constantFrom("none" as const, "channel" as const, "full" as const),
        batchFirst: fc.boolean(),
        returnAllLayers: fc.boolean(),
        imageSize: fc.array(fc.integer({ min: 1, max: sizes.dims === 3 ? 2 : 4 }), {
          minLength: sizes.dims,
          maxLength: sizes.dims,
        }),
        given: fc.boolean(),
      })
      .map(({ given, ...options }) => problem({ ...options, spatialDims: sizes.dims }, sizes, given)),
  );

function kernels({ dims, layers }: Sizes): fc.Arbitrary<number[][]> {
  const one = fc.array(fc.integer({ min: 1, max: dims === 3 ? 2 : 4 }), { minLength: dims, maxLength: dims });
  return fc.array(one, { minLength: layers, maxLength: layers });
}

/** Gives every parameter random values, peepholes and biases too. */
export function randomise(model: Module, generator: Generator): void {
  noGrad(() => {
    for (const parameter of model.parameters()) {
      parameter.copy_(randn(parameter.shape, { dtype: parameter.dtype, generator }).mul(0.5));
    }
  });
}

function problem(
  options: ConvLSTMOptions & { imageSize: number[] },
  { batch, steps, seed }: Sizes,
  given: boolean,
): Problem {
  const generator = new Generator(seed);
  const model = new ConvLSTM({ ...options, dtype: "float64", generator });
  randomise(model, generator);
  const leaf = (shape: number[]): Tensor => randn(shape, { dtype: "float64", requiresGrad: true, generator });
  const outer = model.batchFirst ? [batch, steps] : [steps, batch];
  const x = leaf([...outer, model.inputChannels, ...options.imageSize]);
  const states = given
    ? model.hiddenChannels.map((hidden) => ({
        h: leaf([batch, hidden, ...options.imageSize]),
        c: leaf([batch, hidden, ...options.imageSize]),
      }))
    : undefined;
  return { model, x, states, leaves: [x, ...(states ?? []).flatMap(({ h, c }) => [h, c]), ...model.parameters()] };
}

/** All outputs of a model in a row. */
export function outputsOf([layers, states]: [Tensor[], LSTMState[]]): Tensor[] {
  return [...layers, ...states.flatMap(({ h, c }) => [h, c])];
}
