// One device: the CPU, in float64. Forecasts while frames come in: what was read is kept, and read on from.
import { EncoderForecaster } from "@squall/nn";
import { ArgumentError, Generator, noGrad, randn, ShapeError, type Tensor } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "./expectClose.ts";
import { forecastProblems } from "./forecasterArbitrary.ts";

describe("encode and forecast", () => {
  it("are forward in two parts, and read on where they stopped", () => {
    fc.assert(
      fc.property(forecastProblems, fc.nat(10), ({ model, x, steps }, cut) => {
        noGrad(() => {
          const time = model.batchFirst ? 1 : 0;
          const whole = model.forward(x, steps);
          expectClose([model.forecast(model.encode(x), steps)], [whole], 1e-15);
          const length = x.shape[time] ?? 0;
          const first = Math.min(length, cut);
          if (first === 0 || first === length) return;
          const seen = model.encode(x.narrow(time, 0, first));
          expectClose(
            [model.forecast(model.encode(x.narrow(time, first, length - first), seen), steps)],
            [whole],
            1e-12,
          );
        });
      }),
      { numRuns: 30 },
    );
  });

  const make = (): EncoderForecaster =>
    new EncoderForecaster({
      inputChannels: 1,
      hiddenChannels: [2, 3],
      kernelSize: 3,
      forecasterInput: "previous",
      feedback: "sigmoid",
      dtype: "float64",
      generator: new Generator(1),
    });
  const frames = (steps: number, size = 4): Tensor =>
    randn([steps, 2, 1, size, size], { dtype: "float64", generator: new Generator(steps) });

  it("keep the last frame that counts of each sample, through pauses too", () => {
    const model = make();
    const x = frames(4);
    const seen = model.encode(x, undefined, { lengths: [4, 2] });
    expectClose(
      [seen.lastFrame.select(0, 0), seen.lastFrame.select(0, 1)],
      [x.select(0, 3).select(0, 0), x.select(0, 1).select(0, 1)],
      1e-15,
    );
    const more = frames(2);
    const paused = model.encode(more, seen, {
      mask: [
        [1, 0],
        [1, 0],
      ],
    });
    expectClose([paused.lastFrame.select(0, 1)], [seen.lastFrame.select(0, 1)], 1e-15);
    expectClose(
      [model.forecast(paused, 3).select(1, 1)],
      [model.forward(x.narrow(1, 1, 1).narrow(0, 0, 2), 3).select(1, 0)],
      1e-12,
    );
  });

  it("refuse what does not follow", () => {
    const model = make();
    const seen = model.encode(frames(2));
    expect(() => model.encode(frames(2, 5), seen)).toThrow(
      "EncoderForecaster.encode: frames of [5,5] cannot follow frames of [4,4]; encode them without what was read before",
    );
    expect(() => model.encode(frames(2).narrow(1, 0, 1), seen)).toThrow(ShapeError);
    expect(() => model.forecast(seen, 0)).toThrow(
      "EncoderForecaster.forecast: steps must be a whole number >= 1, got 0",
    );
    // @ts-expect-error states alone
    expect(() => model.forecast(seen.states, 1)).toThrow(ArgumentError);
    expect(() => model.forecast({ ...seen, states: seen.states.slice(1) }, 1)).toThrow(ShapeError);
  });
});
