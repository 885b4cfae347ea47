// Arbitrary ConvLSTMs over all options at once.
import { type Activation, ConvLSTM, type ConvLSTMOptions, type SpatialDims } from "@squall/nn";
import { Generator, randn, type Tensor } from "@squall/tensor";
import fc from "fast-check";
import { type Problem, randomise } from "./convlstmArbitrary.ts";

/** A problem, and the seed that its weights and masks come from. */
export interface OptionProblem extends Problem {
  readonly options: ConvLSTMOptions;
  readonly steps: number;
  readonly batch: number;
  readonly seed: number;
}

const activations = fc.constantFrom<Activation[]>("tanh", "tanh", "sigmoid", "linear", (x) => x.sin());
const recurrentActivations = fc.constantFrom<Activation[]>("sigmoid", "sigmoid", "tanh", (x) => x.mul(0.3).sigmoid());

/** Mostly the default, so that combinations keep some of it. */
function rarely<T>(other: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(other, { nil: undefined, freq: 1 });
}

function perAxis(dims: number, min: number, max: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min, max }), { minLength: dims, maxLength: dims });
}

/** Drops what is undefined, which exact option types do not take. */
function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Options of one or two layers for images that every convolution fits into. */
export const layerOptions: fc.Arbitrary<ConvLSTMOptions & { readonly imageSize: number[] }> = fc
  .record({ dims: fc.constantFrom<SpatialDims>(1, 2, 2, 3), layers: fc.integer({ min: 1, max: 2 }) })
  .chain(({ dims, layers }) => {
    const largest = dims === 3 ? 2 : 3;
    return fc
      .record({
        spatialDims: fc.constant(dims),
        groups: fc.constantFrom(1, 1, 2),
        stateGroups: fc.constantFrom(1, 1, 2),
        inputChannels: fc.integer({ min: 1, max: 2 }),
        hiddenChannels: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: layers, maxLength: layers }),
        kernelSize: fc.array(perAxis(dims, 1, largest), { minLength: layers, maxLength: layers }),
        stateKernelSize: fc.array(perAxis(dims, 1, largest), { minLength: layers, maxLength: layers }),
        stride: rarely(perAxis(dims, 1, 2)),
        padding: rarely(
          fc.oneof(
            fc.constantFrom("same" as const, 2, 3),
            perAxis(dims, 2, 3),
            fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constant(3)), { minLength: dims, maxLength: dims }),
          ),
        ),
        dilation: rarely(perAxis(dims, 1, 2)),
        stateDilation: rarely(perAxis(dims, 1, 2)),
        bias: fc.boolean(),
        activation: rarely(activations),
        recurrentActivation: rarely(recurrentActivations),
        norm: rarely(fc.constantFrom("group" as const, "layer" as const)),
        peephole: rarely(fc.constantFrom("channel" as const, "full" as const, "conv" as const)),
        inputDropout: rarely(fc.constantFrom(0.25, 0.5)),
        recurrentDropout: rarely(fc.constantFrom(0.25, 0.5)),
        dropoutMasks: rarely(fc.constantFrom("gate" as const, "shared" as const)),
        learnedInitialState: rarely(fc.constant(true)),
        batchFirst: fc.boolean(),
        returnAllLayers: fc.boolean(),
        imageSize: perAxis(dims, 2, dims === 3 ? 3 : 5),
      })
      .map(({ groups, stateGroups, inputChannels, hiddenChannels, ...rest }) => {
        const unit = groups * stateGroups;
        return defined({
          ...rest,
          groups,
          stateGroups,
          inputChannels: inputChannels * groups,
          hiddenChannels: hiddenChannels.map((channels) => channels * unit),
        });
      });
  });

/** A model with random weights, an input, and states for all layers or none; all float64 and wanting gradients. */
export function problemOf(
  options: ConvLSTMOptions & { readonly imageSize: number[] },
  { steps, batch, seed, given }: { steps: number; batch: number; seed: number; given: boolean },
): OptionProblem {
  const generator = new Generator(seed);
  const model = new ConvLSTM({ ...options, dtype: "float64", generator });
  randomise(model, generator);
  const leaf = (shape: number[]): Tensor => randn(shape, { dtype: "float64", requiresGrad: true, generator });
  const outer = model.batchFirst ? [batch, steps] : [steps, batch];
  const x = leaf([...outer, model.inputChannels, ...options.imageSize]);
  let size: number[] = options.imageSize;
  const states = [...model.cells].map((cell) => {
    size = cell.sizeOfStates("test", size);
    const shape = [batch, cell.hiddenChannels, ...size];
    return { h: leaf(shape), c: leaf(shape) };
  });
  const parts = given ? states.flatMap(({ h, c }) => [h, c]) : [];
  const leaves = [x, ...parts, ...model.parameters()];
  return { model, options, steps, batch, seed, x, states: given ? states : undefined, leaves };
}

/** Problems over all options of {@link layerOptions}. */
export const optionProblems: fc.Arbitrary<OptionProblem> = fc
  .tuple(
    layerOptions,
    fc.record({
      steps: fc.integer({ min: 1, max: 3 }),
      batch: fc.integer({ min: 1, max: 2 }),
      seed: fc.integer(),
      given: fc.boolean(),
    }),
  )
  .map(([options, sizes]) => problemOf(options, sizes));
