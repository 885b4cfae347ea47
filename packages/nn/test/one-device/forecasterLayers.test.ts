// One device: the CPU. What the recurrent layers of an EncoderForecaster are made of, and what goes on to them.
import { ConvGRU, ConvLSTM, ConvRNN, EncoderForecaster, fromConfig } from "@squall/nn";
import { cat, Generator, grad, randn } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { expectClose } from "./expectClose.ts";
import { shake } from "./forecasterArbitrary.ts";

describe("options of the recurrent layers", () => {
  it("go to both parts, those of the input only where there is one, and those of one layer to where its states go", () => {
    const model = new EncoderForecaster({
      inputChannels: 2,
      hiddenChannels: [2, 4],
      kernelSize: [
        [3, 3],
        [1, 1],
      ],
      groups: 2,
      dilation: 2,
      inputDropout: 0.5,
      layerDropout: 0.25,
      learnedInitialState: true,
      layerOrder: "mirrored",
      layers: [{}, { zoneout: 0.125 }],
    });
    const [first, second] = model.forecaster.cells;
    expect([first?.inputDropout, second?.inputDropout]).toEqual([0, 0.5]);
    expect([first?.zoneout, second?.zoneout]).toEqual([
      [0.125, 0.125],
      [0, 0],
    ]);
    expect([first?.stateWeight.shape, second?.inputWeight?.shape]).toEqual([
      [16, 4, 1, 1],
      [8, 2, 3, 3],
    ]);
    expect(model.forecaster.layerDropout).toBe(0.25);
    expect([...model.encoder.cells].map(({ learnedState }) => learnedState?.shape)).toEqual([
      [2, 2, 1, 1],
      [2, 4, 1, 1],
    ]);
    expect([...model.forecaster.cells].map(({ learnedState }) => learnedState)).toEqual([undefined, undefined]);
    expect(model.encoder).toBeInstanceOf(ConvLSTM);
  });

  it("compute chunks of steps again with checkpoint, to the same gradients", () => {
    const gradients = [false, true].map((checkpoint) => {
      const generator = new Generator(2);
      const model = new EncoderForecaster({
        inputChannels: 1,
        hiddenChannels: [2, 3],
        kernelSize: 3,
        stages: [{ stride: 2 }, null],
        forecasterInput: "previous",
        feedback: "tanh",
        checkpoint,
        dtype: "float64",
        generator,
      });
      shake(model, generator);
      const y = model.forward(randn([3, 1, 1, 5, 5], { dtype: "float64", generator }), 3);
      return cat(grad(y.square().sum(), model.parameters()).flatMap((each) => each?.flatten() ?? []));
    });
    const [whole, chunks] = gradients;
    expectClose([whole], [chunks]);
  });

  it("takes sequences of different lengths: what lies beyond is not read", () => {
    for (const forecasterInput of ["none", "previous"] as const) {
      const model = new EncoderForecaster({
        inputChannels: 1,
        hiddenChannels: [2, 3],
        kernelSize: 3,
        stages: [{ stride: 2 }, null],
        forecasterInput,
        ...(forecasterInput === "previous" && { feedback: "linear" as const }),
        batchFirst: true,
        dtype: "float64",
      });
      const x = randn([2, 4, 1, 5, 5], { dtype: "float64" });
      const short = x.narrow(0, 0, 1).narrow(1, 0, 2);
      const padded = cat([cat([short, short.mul(Number.NaN)], 1), x.narrow(0, 1, 1)]);
      const expected = cat([model.forward(short, 3), model.forward(x.narrow(0, 1, 1), 3)]);
      expectClose([model.forward(padded, 3, { lengths: [2, 4] })], [expected]);
      const mask = [
        [1, 1, 0, 0],
        [1, 1, 1, 1],
      ];
      const gradients = grad(model.forward(padded, 3, { mask }).square().sum(), model.parameters());
      for (const gradient of gradients) expect(Number.isFinite(gradient?.sum().itemSync())).toBe(true);
    }
  });
});

describe("other kinds of layers", () => {
  const options = {
    inputChannels: 1,
    hiddenChannels: [2, 3],
    kernelSize: 3,
    stages: [{ stride: 2 }, null],
    forecasterInput: "previous",
    feedback: "tanh",
  } as const;

  it("make up both parts: ConvGRU and ConvRNN, with options of their own", () => {
    const gru = new EncoderForecaster({ ...options, cell: "gru", resetAfter: false });
    const rnn = new EncoderForecaster({ ...options, cell: "rnn", activation: "relu" });
    expect([gru.encoder, gru.forecaster]).toEqual([expect.any(ConvGRU), expect.any(ConvGRU)]);
    expect([rnn.encoder, rnn.forecaster]).toEqual([expect.any(ConvRNN), expect.any(ConvRNN)]);
    expect(gru.forecaster.cells.at(1).resetAfter).toBe(false);
    expect(fromConfig(gru.config).config).toEqual(gru.config);
    expect(gru.config).toMatchObject({ cell: "gru", resetAfter: false });
    for (const model of [gru, new EncoderForecaster({ ...options, cell: "rnn" })]) {
      const y = model.forward(randn([3, 2, 1, 5, 5]), 2, { encoderForcing: 0 });
      expect(y.shape).toEqual([2, 2, 1, 5, 5]);
      const gradients = grad(y.mul(randn(y.shape)).sum(), model.parameters());
      for (const gradient of gradients) expect(gradient?.abs().max().itemSync()).toBeGreaterThan(0);
    }
  });
});
