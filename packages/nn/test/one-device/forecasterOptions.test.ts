// One device: the CPU. EncoderForecaster over all its options: stages, orders, heads, patches.
import { EncoderForecaster, type EncoderForecasterOptions, fromConfig, type LSTMState } from "@squall/nn";
import { cat, conv2d, Generator, grad, randn, stack, type Tensor } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "./expectClose.ts";
import { forecastProblems } from "./forecasterArbitrary.ts";

describe("any EncoderForecaster", () => {
  it("makes frames of the right shape, and no weight of it is dead", () => {
    fc.assert(
      fc.property(forecastProblems, ({ options, model, x, targets, steps }) => {
        const y = model.forward(x, steps);
        expect(y.shape).toEqual(targets.shape);
        const named = model.namedParameters();
        const like = randn(y.shape, { dtype: "float64", generator: new Generator(1) });
        const parameters = named.map(([, parameter]) => parameter);
        const gradients = grad(y.mul(like).sum(), parameters, { allowUnused: true });
        const dead = named.filter((_, k) => !(Number(gradients[k]?.abs().max().itemSync() ?? 0) > 0));
        expect([dead.map(([name]) => name), options]).toEqual([[], options]);
      }),
      { numRuns: 30 },
    );
  });

  it("has the gradients of finite differences", () => {
    fc.assert(
      fc.property(forecastProblems, fc.boolean(), ({ model, x, targets, steps }, forced) => {
        const options = forced && model.forecasterInput === "previous" ? { targets, teacherForcing: 1 } : {};
        const input = x.detach().requiresGrad_(true);
        gradcheck(() => model.forward(input, steps, options), [input, ...model.parameters()], { mode: "projection" });
      }),
      { numRuns: 10 },
    );
  });

  it("forecasts every sample as if it were alone", () => {
    fc.assert(
      fc.property(forecastProblems, ({ model, x, steps }) => {
        const axis = model.batchFirst ? 0 : 1;
        const alone = x.split(1, axis).map((sample) => model.forward(sample, steps));
        expectClose([model.forward(x, steps)], [cat(alone, axis)]);
      }),
      { numRuns: 10 },
    );
  });

  it("forecasts the same first frames, however many follow", () => {
    fc.assert(
      fc.property(forecastProblems, ({ model, x, steps }) => {
        const axis = model.batchFirst ? 1 : 0;
        const longer = model.forward(x, steps + 3);
        expectClose([longer.narrow(axis, 0, steps)], [model.forward(x, steps)]);
      }),
      { numRuns: 10 },
    );
  });

  it("is built again from its config", () => {
    fc.assert(
      fc.property(forecastProblems, ({ model, x, steps }) => {
        const again = fromConfig(JSON.parse(JSON.stringify(model.config)));
        if (!(again instanceof EncoderForecaster)) throw new Error("not a forecaster");
        again.loadStateDict(model.stateDict());
        expect(again.forward(x, steps).toArray()).toEqual(model.forward(x, steps).toArray());
      }),
      { numRuns: 10 },
    );
  });
});

describe("patches", () => {
  it("are what pixelUnshuffle cuts and pixelShuffle joins", () => {
    const options = { hiddenChannels: [3, 2], kernelSize: 3, batchFirst: true } as const;
    const [inside, outside] = [1, 4].map(
      (inputChannels) =>
        new EncoderForecaster({
          ...options,
          inputChannels,
          ...(inputChannels === 1 && { patchSize: 2 }),
          generator: new Generator(3),
        }),
    );
    const x = randn([2, 3, 1, 6, 4]);
    const expected = outside?.forward(x.pixelUnshuffle(2), 2).pixelShuffle(2);
    expect(inside?.forward(x, 2).toArray()).toEqual(expected?.toArray());
    expect(inside?.parameterCount()).toBe(outside?.parameterCount());
  });

  it("count as in the paper, for frames of one channel", () => {
    const model = new EncoderForecaster({
      inputChannels: 1,
      patchSize: 4,
      hiddenChannels: [128, 128],
      kernelSize: 5,
      peephole: "channel",
    });
    expect(model.parameterCount()).toBe(10_042_896);
  });

  it("are filled up with zeros behind the frame, and the forecast is cut", () => {
    const options = { inputChannels: 1, hiddenChannels: 2, kernelSize: 3, patchSize: [2, 3] } as const;
    const model = new EncoderForecaster({ ...options, patchPadding: "zeros" });
    const x = randn([2, 1, 1, 5, 4]);
    const padded = model.forward(
      x.pad([
        [0, 1],
        [0, 2],
      ]),
      2,
    );
    expect(model.forward(x, 2).toArray()).toEqual(padded.narrow(3, 0, 5).narrow(4, 0, 4).toArray());
  });
});

describe("the order of layers", () => {
  it("changes no count", () => {
    const options = { inputChannels: 3, hiddenChannels: [4, 3, 2], kernelSize: 3, peephole: "channel" } as const;
    const same = new EncoderForecaster(options);
    const mirrored = new EncoderForecaster({ ...options, layerOrder: "mirrored" });
    expect(mirrored.parameterCount()).toBe(same.parameterCount());
    expect([...mirrored.forecaster.hiddenChannels]).toEqual([2, 3, 4]);
  });
});

/** States after a sequence, cell by cell; `before` is what every frame goes through before each layer. */
function statesAfter(
  model: EncoderForecaster,
  frames: Tensor[],
  before: (layer: number, x: Tensor) => Tensor,
): LSTMState[] {
  let inputs = frames;
  return [...model.encoder.cells].map((cell, layer) => {
    let state: LSTMState | undefined;
    inputs = inputs.map((frame) => {
      state = cell.forward(before(layer, frame), state);
      return state.h;
    });
    if (state === undefined) throw new Error("the sequence has no frames");
    return state;
  });
}

describe("stages", () => {
  const options = {
    inputChannels: 2,
    hiddenChannels: [3, 4],
    kernelSize: 3,
    stages: [{ stride: 2, channels: 5 }, { stride: 3 }],
    dtype: "float64",
  } as const satisfies EncoderForecasterOptions;

  it("lead down to each layer of the encoder and up from each of the forecaster, step by step by hand", () => {
    const model = new EncoderForecaster({ ...options, generator: new Generator(4) });
    const x = randn([2, 2, 2, 7, 9], { dtype: "float64" });
    const parameter = (name: string): Tensor => {
      const found = model.stateDict()[name];
      if (found === undefined) throw new Error(`no ${name}`);
      return found;
    };
    const down = (layer: number, frame: Tensor): Tensor =>
      conv2d(frame, parameter(`encoder.stages.${layer}.weight`), parameter(`encoder.stages.${layer}.bias`), {
        stride: layer === 0 ? 2 : 3,
        padding: "same",
      }).leakyRelu(0.2);
    const states = statesAfter(model, x.unbind(0), down);
    expect(states.map(({ h }) => h.shape)).toEqual([
      [2, 3, 4, 5],
      [2, 4, 2, 2],
    ]);
    let [shallow, deep] = states;
    const [first, second] = [...model.forecaster.cells];
    const forecast: Tensor[] = [];
    for (let step = 0; step < 3; step++) {
      deep = first?.forward(undefined, deep);
      if (deep === undefined) throw new Error("no state");
      shallow = second?.forward(model.forecaster.stages?.at(1).forward(deep.h, [4, 5]) ?? deep.h, shallow);
      if (shallow === undefined) throw new Error("no state");
      const image = model.lastStage?.forward(shallow.h, [7, 9]) ?? shallow.h;
      expect(image.shape).toEqual([2, 5, 7, 9]);
      forecast.push(conv2d(image, model.head.weight, model.head.bias));
    }
    expectClose([model.forward(x, 3)], [stack(forecast)]);
  });

  it("have their weights under names of their own", () => {
    expect(Object.keys(new EncoderForecaster(options).stateDict()).filter((name) => /tage/.test(name))).toEqual([
      "encoder.stages.0.weight",
      "encoder.stages.0.bias",
      "encoder.stages.1.weight",
      "encoder.stages.1.bias",
      "forecaster.stages.1.weight",
      "forecaster.stages.1.bias",
      "lastStage.weight",
      "lastStage.bias",
    ]);
  });

  it("fit weights per position, of exactly the sizes of each scale", () => {
    const model = new EncoderForecaster({ ...options, peephole: "full", norm: "layer", imageSize: [7, 9] });
    expect([...model.encoder.cells].map(({ peephole }) => peephole?.shape)).toEqual([
      [3, 3, 4, 5],
      [3, 4, 2, 2],
    ]);
    expect([...model.forecaster.cells].map(({ normWeight }) => normWeight?.shape)).toEqual([
      [16, 2, 2],
      [12, 4, 5],
    ]);
    expect(model.forward(randn([1, 1, 2, 7, 9], { dtype: "float64" }), 2).shape).toEqual([2, 1, 2, 7, 9]);
  });
});
