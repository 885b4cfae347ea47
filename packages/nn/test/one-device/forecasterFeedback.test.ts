// One device: the CPU. EncoderForecasters that read frames: the previous one, true or forecast.
import { type ConvLSTMCell, EncoderForecaster, type EncoderForecasterOptions, type LSTMState } from "@squall/nn";
import { cat, conv2d, Generator, grad, randn, stack, type Tensor } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { expectClose } from "./expectClose.ts";
import { shake } from "./forecasterArbitrary.ts";

const options = {
  inputChannels: 1,
  hiddenChannels: [3, 2],
  kernelSize: 3,
  forecasterInput: "previous",
  feedback: "sigmoid",
  dtype: "float64",
} as const satisfies EncoderForecasterOptions;

function make(change: Partial<EncoderForecasterOptions> = {}, seed = 1): EncoderForecaster {
  const generator = new Generator(seed);
  const model = new EncoderForecaster({ ...options, generator, ...change });
  shake(model, generator);
  return model;
}

const frames = (steps: number, batch = 2): Tensor => randn([steps, batch, 1, 4, 5], { dtype: "float64" }).sigmoid();

/** One step of some cells, the first reading a frame; states change in place. */
function step(cells: Iterable<ConvLSTMCell>, x: Tensor, states: (LSTMState | undefined)[]): Tensor[] {
  let below = x;
  return [...cells].map((cell, layer) => {
    const state = cell.forward(below, states[layer]);
    states[layer] = state;
    below = state.h;
    return below;
  });
}

/** Cell by cell, as the documentation says. `isTrue` tells whether the true frame is read by the encoder (t) or the forecaster (k). */
function byHand(
  model: EncoderForecaster,
  x: Tensor,
  targets: Tensor,
  isTrue: { readonly encoder: (t: number) => boolean; readonly forecaster: (k: number) => boolean },
): Tensor {
  const forecastOf = (layers: Tensor[]): Tensor => conv2d(cat(layers, 1), model.head.weight, model.head.bias);
  const states: (LSTMState | undefined)[] = [];
  let last: Tensor | undefined;
  for (const [t, truth] of x.unbind(0).entries()) {
    if (last === undefined || isTrue.encoder(t)) last = truth;
    else last = forecastOf(step(model.forecaster.cells, last, [...states])).sigmoid();
    step(model.encoder.cells, last, states);
  }
  const forecasts: Tensor[] = [];
  for (const [k, truth] of targets.unbind(0).entries()) {
    const logits = forecastOf(step(model.forecaster.cells, last ?? truth, states));
    forecasts.push(logits);
    last = isTrue.forecaster(k) ? truth : logits.sigmoid();
  }
  return stack(forecasts);
}

describe("a forecaster that reads the previous frame", () => {
  const always = (): boolean => true;
  const never = (): boolean => false;

  it("reads its own forecasts", () => {
    const [model, x] = [make(), frames(3)];
    const expected = byHand(model, x, frames(4), { encoder: always, forecaster: never });
    expectClose([model.forward(x, 4)], [expected]);
    const freely = model.forward(x, 4, { targets: frames(4), teacherForcing: 0 });
    expect(freely.toArray()).toEqual(model.forward(x, 4).toArray());
  });

  it("reads the true frames with teacherForcing 1", () => {
    const [model, x, targets] = [make(), frames(3), frames(4)];
    const expected = byHand(model, x, targets, { encoder: always, forecaster: always });
    expectClose([model.forward(x, 4, { targets, teacherForcing: 1 })], [expected]);
  });

  it("has its encoder read forecasts of all frames but the first with encoderForcing 0", () => {
    const [model, x] = [make(), frames(3)];
    const expected = byHand(model, x, frames(2), { encoder: never, forecaster: never });
    expectClose([model.forward(x, 2, { encoderForcing: 0 })], [expected]);
    expect(model.forward(x, 2, { encoderForcing: 1 }).toArray()).toEqual(model.forward(x, 2).toArray());
  });

  it("chooses for each sample and step, from the model's generator", () => {
    const [x, targets] = [frames(4, 1), frames(5, 1)];
    const seeds = Array.from({ length: 12 }, (_, seed) => seed);
    const outcomes = seeds.map((seed) => {
      const generator = new Generator(seed);
      const model = make({ generator }, 1);
      model.loadStateDict(make().stateDict());
      const drawn = new Generator(0);
      drawn.setState(generator.getState());
      const encoder = Array.from({ length: 3 }, () => drawn.next() < 0.5);
      const forecaster = Array.from({ length: 4 }, () => drawn.next() < 0.25);
      const expected = byHand(model, x, targets, {
        encoder: (t) => encoder[t - 1] ?? true,
        forecaster: (k) => forecaster[k] ?? true,
      });
      const y = model.forward(x, 5, { targets, teacherForcing: 0.25, encoderForcing: 0.5 });
      expectClose([y], [expected]);
      return JSON.stringify(y.toArray());
    });
    expect(new Set(outcomes).size).toBeGreaterThan(6);
  });

  it("is the same for the same seed, and keeps samples apart", () => {
    const [x, targets] = [frames(4), frames(3)];
    const forcing = { teacherForcing: 0.5, encoderForcing: 0.5 };
    const [first, second] = [make(), make()].map((model) => model.forward(x, 3, { targets, ...forcing }).toArray());
    expect(second).toEqual(first);
    const model = make({ generator: new Generator(8) });
    const free = model.forward(x, 3, { encoderForcing: 0 });
    const alone = x.split(1, 1).map((sample) => model.forward(sample, 3, { encoderForcing: 0 }));
    expectClose([free], [cat(alone, 1)]);
  });

  it("has the gradients of finite differences, fed back or not", () => {
    const model = make({ stages: [{ stride: 2, activation: "tanh" }, null], patchSize: 2, patchPadding: "zeros" });
    const [x, targets] = [frames(3), frames(2)];
    const leaf = x.detach().requiresGrad_(true);
    for (const forcing of [{ encoderForcing: 0 }, { targets, teacherForcing: 1 }, { targets, teacherForcing: 0 }]) {
      gradcheck(() => model.forward(leaf, 2, forcing), [leaf, ...model.parameters()], { mode: "projection" });
    }
  });

  it("feeds back frames: zeros where patches reach beyond them", () => {
    const model = make({ patchSize: [4, 4], patchPadding: "zeros" });
    const inner = new EncoderForecaster({ ...options, inputChannels: 16 });
    inner.loadStateDict(model.stateDict());
    const x = frames(2);
    const padded = x.pad([[0, 3]]);
    const cut = (y: Tensor): Tensor => y.pixelUnshuffle(4);
    const [first] = inner.forward(cut(padded), 1).pixelShuffle(4).unbind(0);
    const [, last] = padded.unbind(0);
    if (first === undefined || last === undefined) throw new Error("two frames");
    const fed = first
      .sigmoid()
      .narrow(3, 0, 5)
      .pad([[0, 3]]);
    const targets = stack([fed, fed]);
    const expected = inner.forward(cut(padded), 2, { targets: cut(targets), teacherForcing: 1 }).pixelShuffle(4);
    expectClose([model.forward(x, 2)], [expected.narrow(4, 0, 5)]);
  });

  it("starts from each sample's last frame, and replaces none before its first", () => {
    const model = make({ batchFirst: true });
    const x = randn([2, 4, 1, 4, 5], { dtype: "float64" });
    const mask = [
      [0, 1, 1, 0],
      [1, 1, 1, 1],
    ];
    const holes = x.mul(Number.NaN);
    const padded = cat([
      cat(
        [
          holes.narrow(0, 0, 1).narrow(1, 0, 1),
          x.narrow(0, 0, 1).narrow(1, 1, 2),
          holes.narrow(0, 0, 1).narrow(1, 3, 1),
        ],
        1,
      ),
      x.narrow(0, 1, 1),
    ]);
    for (const encoderForcing of [0, 1]) {
      const short = model.forward(x.narrow(0, 0, 1).narrow(1, 1, 2), 2, { encoderForcing });
      const long = model.forward(x.narrow(0, 1, 1), 2, { encoderForcing });
      const y = model.forward(padded, 2, { mask, encoderForcing });
      expectClose([y], [cat([short, long])]);
      const gradients = grad(y.square().sum(), model.parameters());
      for (const gradient of gradients) expect(Number.isFinite(gradient?.sum().itemSync())).toBe(true);
    }
  });

  it("starts from an empty frame where a sample has none", () => {
    const model = make();
    const x = frames(2);
    const y = model.forward(x, 2, { lengths: [0, 2] });
    const hidden = cat(step(model.forecaster.cells, x.select(0, 0).mul(0), []), 1);
    const [empty] = conv2d(hidden, model.head.weight, model.head.bias).unbind(0);
    expectClose([y.select(0, 0).select(0, 0)], [empty]);
    expect(Number.isFinite(y.sum().itemSync())).toBe(true);
  });

  it("draws dropout masks once for a sequence", () => {
    const model = make({ recurrentDropout: 0.5, inputDropout: 0.5 }, 3);
    const [x, targets] = [frames(2), frames(3)];
    const state = new Generator(9).getState();
    const run = (teacherForcing: number): Tensor => {
      const generator = new Generator(0);
      generator.setState(state);
      const copy = make({ recurrentDropout: 0.5, inputDropout: 0.5, generator });
      copy.loadStateDict(model.stateDict());
      generator.setState(state);
      return copy.forward(x, 3, { targets, teacherForcing });
    };
    // All frames true in one sweep, and chosen so one by one: the same masks, the same numbers.
    expectClose([run(1)], [run(1 - 1e-12)]);
  });
});
