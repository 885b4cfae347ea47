// One device: the CPU, in float64. All options of ConvLSTM together.
import { ConvLSTM, fromConfig, type LSTMState } from "@squall/nn";
import { Generator, grad, randn, stack, type Tensor } from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outputsOf } from "./convlstmArbitrary.ts";
import { layerOptions, type OptionProblem, optionProblems, problemOf } from "./convlstmOptions.ts";
import { referenceStep } from "./convlstmReference.ts";
import { expectClose } from "./expectClose.ts";

/** The model from its equations, with the masks that the next call of the model will draw. */
function byEquations({ model, x, states, steps, batch }: OptionProblem): [Tensor[], LSTMState[]] {
  const time = model.batchFirst ? 1 : 0;
  let frames = x.unbind(time);
  let size = frames[0]?.shape.slice(2) ?? [];
  const layers = [...model.cells].map((cell, layer) => {
    const spatial = cell.sizeOfStates("test", size);
    const before = states?.[layer] ?? cell.initialState(batch, spatial);
    const masks = cell.drawMasks(batch, size, spatial);
    size = spatial;
    return { cell, before, masks };
  });
  const outputs: Tensor[] = [];
  const last = layers.map(({ cell, before, masks }) => {
    let state = before;
    const hidden = Array.from({ length: steps }, (_, t) => {
      state = referenceStep(cell, frames[t], state, masks);
      return state.h;
    });
    outputs.push(stack(hidden, time));
    frames = hidden;
    return state;
  });
  return model.returnAllLayers ? [outputs, last] : [outputs.slice(-1), last.slice(-1)];
}

/** Runs `fn` with the model's generator at the place where it is now, and leaves it there. */
function repeatably<R>(generator: Generator, fn: () => R): R {
  const place = generator.getState();
  try {
    return fn();
  } finally {
    generator.setState(place);
  }
}

describe("ConvLSTM with any options", () => {
  it("is what its equations say, gate by gate, forward and backward", () => {
    fc.assert(
      fc.property(optionProblems, fc.integer(), (problem, seed) => {
        const generator = problem.model.cells.at(0).generator ?? new Generator(0);
        const theirs = repeatably(generator, () => outputsOf(byEquations(problem)));
        const ours = outputsOf(problem.model.forward(problem.x, problem.states));
        expectClose(ours, theirs);
        const draw = new Generator(seed);
        const options = {
          gradOutputs: ours.map(({ shape }) => randn(shape, { dtype: "float64", generator: draw })),
          allowUnused: true,
        };
        expectClose(grad(ours, problem.leaves, options), grad(theirs, problem.leaves, options));
      }),
      { numRuns: 80 },
    );
  });

  it("has the gradients of finite differences, and so have they", () => {
    const more = fc.record({
      steps: fc.integer({ min: 1, max: 3 }),
      batch: fc.constant(2),
      seed: fc.integer(),
      given: fc.boolean(),
      zoneout: fc.constantFrom(0, 0, 0.3),
      layerDropout: fc.constantFrom(0, 0.3),
      goBackwards: fc.boolean(),
      returnSequences: fc.boolean(),
      end: fc.constantFrom(undefined, 1),
      evaluated: fc.boolean(),
    });
    fc.assert(
      fc.property(
        layerOptions,
        more,
        (options, { zoneout, layerDropout, goBackwards, returnSequences, end, evaluated, ...rest }) => {
          const zoned = { zoneout, zoneoutInEvaluation: "expected" } as const;
          const all = { ...options, ...zoned, layerDropout, goBackwards, returnSequences };
          const { model, x, states, leaves } = problemOf(all, rest);
          // Then states are mixed as zoneout does on average.
          if (evaluated) model.eval();
          const sequence = end === undefined ? {} : { lengths: [rest.steps, end] };
          const generator = model.cells.at(0).generator ?? new Generator(0);
          const run = (): Tensor[] => repeatably(generator, () => outputsOf(model.forward(x, states, sequence)));
          gradcheck(run, leaves, { mode: "projection" });
          gradgradcheck(run, leaves, { mode: "projection" });
        },
      ),
      { numRuns: 15 },
    );
  });

  it("gives the same with checkpoints, forward and backward", () => {
    const more = fc.record({
      checkpoint: fc.oneof(fc.constant(true), fc.integer({ min: 1, max: 6 })),
      steps: fc.integer({ min: 1, max: 6 }),
      zoneout: fc.constantFrom(0, 0.3),
      layerDropout: fc.constantFrom(0, 0.3),
      returnSequences: fc.boolean(),
      seed: fc.integer(),
      batch: fc.integer({ min: 1, max: 3 }),
      given: fc.boolean(),
      lengths: fc.option(fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 3, maxLength: 3 })),
    });
    fc.assert(
      fc.property(layerOptions, more, (options, { checkpoint, zoneout, layerDropout, returnSequences, ...rest }) => {
        const common = { ...options, zoneout, layerDropout, returnSequences };
        const sequence = rest.lengths && {
          lengths: rest.lengths.slice(0, rest.batch).map((length) => Math.min(length, rest.steps)),
        };
        const run = (problem: OptionProblem): Tensor[] => {
          const outputs = outputsOf(problem.model.forward(problem.x, problem.states, sequence ?? {}));
          const generator = new Generator(1);
          // Where no frame counts there is nothing to go back through.
          const recorded = outputs.filter(({ requiresGrad }) => requiresGrad);
          if (recorded.length === 0) return outputs;
          const gradOutputs = recorded.map(({ shape }) => randn(shape, { dtype: "float64", generator }));
          return [...outputs, ...grad(recorded, problem.leaves, { gradOutputs, allowUnused: true })];
        };
        expectClose(run(problemOf({ ...common, checkpoint }, rest)), run(problemOf(common, rest)));
      }),
      { numRuns: 30 },
    );
  });

  it("is the same model after a round trip through its config", () => {
    const names = layerOptions.filter(
      ({ activation, recurrentActivation }) =>
        typeof activation !== "function" && typeof recurrentActivation !== "function",
    );
    fc.assert(
      fc.property(names, fc.integer(), (options, seed) => {
        const { model, x } = problemOf(options, { steps: 2, batch: 1, seed, given: false });
        const again = fromConfig(JSON.parse(JSON.stringify(model.config)));
        expect(again).toBeInstanceOf(ConvLSTM);
        if (!(again instanceof ConvLSTM)) return;
        expect(again.config).toEqual(model.config);
        again.loadStateDict(model.stateDict());
        expectClose(outputsOf(again.eval().forward(x)), outputsOf(model.eval().forward(x)));
      }),
      { numRuns: 25 },
    );
  });
});
