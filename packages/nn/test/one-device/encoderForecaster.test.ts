// One device: the CPU.
import { bceWithLogits, EncoderForecaster, init, type LSTMState } from "@squall/nn";
import { cat, conv2d, Generator, grad, randn, stack, type Tensor } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";

describe("EncoderForecaster", () => {
  // Shi et al. 2015, table 1: 64x64 frames as 4x4 patches (16 channels), 5x5 input-to-state kernels.
  it.each([
    { hidden: [256], stateKernel: 5, count: 13_524_496 },
    { hidden: [128, 128], stateKernel: 5, count: 10_042_896 },
    { hidden: [128, 64, 64], stateKernel: 5, count: 7_585_296 },
    { hidden: [128, 128], kernel: 9, stateKernel: 1, count: 11_550_224 },
    // Section 4.2's radar network, 2x2 patches: computed by the same recipe, not printed in the paper.
    { hidden: [64, 64], kernel: 3, stateKernel: 3, patch: 2, count: 896_260 },
  ])(
    "has the paper's $count parameters for hidden sizes $hidden",
    ({ hidden, kernel = 5, stateKernel, patch = 4, count }) => {
      const options = {
        hiddenChannels: hidden,
        kernelSize: kernel,
        stateKernelSize: stateKernel,
        peephole: "channel",
        init: { inputWeight: init.zeros_, stateWeight: init.zeros_ },
      } as const;
      const ofPatches = new EncoderForecaster({ ...options, inputChannels: patch ** 2 });
      expect(ofPatches.parameterCount()).toBe(count);
      const ofFrames = new EncoderForecaster({
        ...options,
        inputChannels: 1,
        patchSize: patch,
        layerOrder: "mirrored",
      });
      expect(ofFrames.parameterCount()).toBe(count);
    },
  );

  it("copies each layer's state, runs on without input, and reads all hidden states", () => {
    const options = {
      inputChannels: 2,
      hiddenChannels: [3, 4],
      kernelSize: 3,
      stateKernelSize: 2,
      dtype: "float64",
    } as const;
    const model = new EncoderForecaster({ ...options, generator: new Generator(5) });
    const x = randn([3, 2, 2, 5, 4], { dtype: "float64" });
    const states: LSTMState[] = [];
    let frames = x.unbind(0);
    for (const cell of model.encoder.cells) {
      let state: LSTMState | undefined;
      const hidden: Tensor[] = [];
      for (const frame of frames) {
        state = cell.forward(frame, state);
        hidden.push(state.h);
      }
      if (state !== undefined) states.push(state);
      frames = hidden;
    }
    const forecast: Tensor[] = [];
    for (let step = 0; step < 4; step++) {
      let below: Tensor | undefined;
      for (const [layer, cell] of [...model.forecaster.cells].entries()) {
        const state = cell.forward(below, states[layer]);
        states[layer] = state;
        below = state.h;
      }
      forecast.push(
        conv2d(
          cat(
            states.map(({ h }) => h),
            1,
          ),
          model.head.weight,
          model.head.bias,
        ),
      );
    }
    const difference = model.forward(x, 4).sub(stack(forecast)).abs().max().itemSync();
    expect(difference).toBeLessThan(1e-12);
  });

  it("has no input convolution in the forecaster's first layer (seed 2 (c): zeros through dead weights)", () => {
    const model = new EncoderForecaster({ inputChannels: 2, hiddenChannels: [3, 4], kernelSize: 3 });
    const names = Object.keys(model.stateDict());
    expect(names).not.toContain("forecaster.cells.0.inputWeight");
    expect(names).toContain("forecaster.cells.1.inputWeight");
    // Every parameter gets a gradient that is not zero.
    bceWithLogits(model.forward(randn([3, 2, 2, 4, 4]), 3), randn([3, 2, 2, 4, 4]).sigmoid()).backward();
    for (const [name, parameter] of model.namedParameters()) {
      expect([name, parameter.grad?.abs().max().itemSync()]).not.toEqual([name, 0]);
      expect([name, parameter.grad]).not.toEqual([name, undefined]);
    }
  });

  it("keeps samples of a batch apart, with unequal hidden sizes (seed 2 (e): the head mixed them)", () => {
    const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, batchFirst: true });
    const x = randn([3, 4, 1, 4, 4]);
    const together = model.forward(x, 2);
    const apart = cat(x.split(1).map((sample) => model.forward(sample, 2)));
    expect(together.shape).toEqual([3, 2, 1, 4, 4]);
    expect(together.sub(apart).abs().max().itemSync()).toBeLessThan(1e-6);
  });

  it.each([1, 2, 3] as const)(
    "works over %i spatial axes, for any number of steps, in either layout",
    (spatialDims) => {
      const space = [3, 2, 2].slice(0, spatialDims);
      for (const batchFirst of [false, true]) {
        const model = new EncoderForecaster({
          inputChannels: 2,
          outputChannels: 1,
          hiddenChannels: 2,
          kernelSize: 2,
          spatialDims,
          batchFirst,
        });
        for (const steps of [1, 4]) {
          const [outer, expected] = batchFirst
            ? [
                [2, 3],
                [2, steps],
              ]
            : [
                [3, 2],
                [steps, 2],
              ];
          expect(model.forward(randn([...outer, 2, ...space]), steps).shape).toEqual([...expected, 1, ...space]);
        }
      }
    },
  );

  it("has the gradients of finite differences, peepholes included", () => {
    const model = new EncoderForecaster({
      inputChannels: 1,
      hiddenChannels: [2, 1],
      kernelSize: 3,
      peephole: "channel",
      dtype: "float64",
    });
    const x = randn([2, 1, 1, 3, 3], { dtype: "float64", requiresGrad: true });
    gradcheck(() => model.forward(x, 2), [x, ...model.parameters()], { mode: "projection" });
  });

  it("lets gradients of the forecast reach the encoder's input", () => {
    const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3 });
    const x = randn([2, 1, 1, 3, 3], { requiresGrad: true });
    const [gradient] = grad(model.forward(x, 2).sum(), [x]);
    expect(gradient?.abs().min().itemSync()).toBeGreaterThan(0);
  });
});
