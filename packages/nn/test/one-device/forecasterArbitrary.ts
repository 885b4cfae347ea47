import { EncoderForecaster, type EncoderForecasterOptions, type SpatialDims } from "@squall/nn";
import { Generator, noGrad, randn, type Tensor } from "@squall/tensor";
import fc from "fast-check";

/** A model with random weights, and frames for it, all float64. */
export interface ForecastProblem {
  readonly options: EncoderForecasterOptions;
  readonly model: EncoderForecaster;
  readonly x: Tensor;
  readonly targets: Tensor;
  readonly steps: number;
}

/** Gives every parameter random values. */
export function shake(model: EncoderForecaster, generator: Generator): void {
  noGrad(() => {
    for (const parameter of model.parameters()) {
      parameter.copy_(randn(parameter.shape, { dtype: parameter.dtype, generator }).mul(0.5));
    }
  });
}

const perLayer = <T>(layers: number, one: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(one, { minLength: layers, maxLength: layers });

const stage = fc.option(
  fc.record(
    {
      stride: fc.integer({ min: 1, max: 3 }),
      channels: fc.integer({ min: 1, max: 3 }),
      kernelSize: fc.integer({ min: 1, max: 4 }),
      upsampling: fc.constantFrom("transposed" as const, "resize" as const),
      // Finite differences want it smooth.
      activation: fc.constant("tanh" as const),
    },
    { requiredKeys: ["stride", "activation"] },
  ),
);

/** Models over all options of the forecaster, on frames of odd sizes. */
export const forecastProblems: fc.Arbitrary<ForecastProblem> = fc
  .record({ dims: fc.constantFrom<SpatialDims>(1, 2, 2, 3), layers: fc.integer({ min: 1, max: 3 }) })
  .chain(({ dims, layers }) =>
    fc
      .record({
        hiddenChannels: perLayer(layers, fc.integer({ min: 2, max: 3 })),
        stages: fc.option(perLayer(layers, stage), { nil: undefined }),
        isMirrored: fc.boolean(),
        readsLast: fc.boolean(),
        patchSize: fc.integer({ min: 1, max: 2 }),
        readsFrames: fc.boolean(),
        batchFirst: fc.boolean(),
        peephole: fc.constantFrom("none" as const, "channel" as const, "full" as const),
        norm: fc.constantFrom("none" as const, "group" as const),
        learnedInitialState: fc.boolean(),
        space: perLayer(dims, fc.integer({ min: dims === 3 ? 2 : 3, max: dims === 3 ? 4 : 7 })),
        length: fc.integer({ min: 2, max: 3 }),
        steps: fc.integer({ min: 1, max: 3 }),
        batch: fc.integer({ min: 1, max: 2 }),
        seed: fc.integer(),
      })
      .map(({ stages, isMirrored, readsLast, patchSize, readsFrames, space, length, steps, batch, seed, ...rest }) => {
        const generator = new Generator(seed);
        const options: EncoderForecasterOptions = {
          ...rest,
          inputChannels: 1,
          outputChannels: readsFrames ? 1 : 2,
          kernelSize: 2,
          spatialDims: dims,
          imageSize: space,
          dtype: "float64",
          generator,
          ...(stages ? { stages } : { layerOrder: isMirrored ? "mirrored" : "same", head: readsLast ? "last" : "all" }),
          ...(patchSize > 1 && { patchSize, patchPadding: "zeros" }),
          ...(readsFrames && { forecasterInput: "previous", feedback: "sigmoid" }),
        };
        const model = new EncoderForecaster(options);
        shake(model, generator);
        const frames = (count: number, channels: number): Tensor => {
          const outer = rest.batchFirst ? [batch, count] : [count, batch];
          return randn([...outer, channels, ...space], { dtype: "float64", generator });
        };
        return { options, model, x: frames(length, 1), targets: frames(steps, model.outputChannels), steps };
      }),
  );
