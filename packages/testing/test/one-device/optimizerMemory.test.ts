// One device: the proxy, which counts its storages. What optimizers, clipping and modules hold and free.
import { type Device, expressions as e } from "@squall/device";
import { init, Linear, mse } from "@squall/nn";
import { Adam, AdamW, clipGradNorm, clipGradValue, Optimizer, RMSprop, SGD } from "@squall/optim";
import { grad, rand, scope, type Tensor, tensor } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../proxyDevice.ts";

const layer = (device: Device): Linear => new Linear({ inFeatures: 3, outFeatures: 2, device });

function backward(model: Linear, device: Device): void {
  scope(() => mse(model.forward(rand([4, 3], { device })), rand([4, 2], { device })).backward());
}

const live = (device: Device): number => device.memory().storages ?? Number.NaN;

describe("an optimizer", () => {
  const kinds = [
    ["SGD", (params: Tensor[]) => new SGD(params, { lr: 0.1, momentum: 0.9 }), 1],
    ["Adam", (params: Tensor[]) => new Adam(params, { amsgrad: true }), 3],
    ["AdamW", (params: Tensor[]) => new AdamW(params), 2],
    ["RMSprop", (params: Tensor[]) => new RMSprop(params, { centered: true, momentum: 0.5 }), 3],
  ] as const;

  it.each(kinds)("%s keeps its state through scopes, copies it in state dicts and frees it", (_, make, buffers) => {
    const device = proxyDevice();
    const model = layer(device);
    const before = live(device);
    {
      using optimizer = make(model.parameters());
      for (let step = 0; step < 3; step++) {
        scope(() => {
          optimizer.zeroGrad();
          backward(model, device);
          optimizer.step();
        });
      }
      model.zeroGrad();
      expect(live(device)).toBe(before + 2 * buffers);
      scope(() => optimizer.loadStateDict(optimizer.stateDict()));
      expect(live(device)).toBe(before + 2 * buffers);
      backward(model, device);
      optimizer.step();
      model.zeroGrad();
      expect(live(device)).toBe(before + 2 * buffers);
    }
    expect(live(device)).toBe(before);
  });

  it("of the user's own keeps what it puts into the state, and no more", async () => {
    class Momentum extends Optimizer {
      protected override readonly buffers = { average: "always" } as const;
      constructor(params: Tensor[]) {
        super("Momentum", params, { lr: 0.1 });
      }
      protected override check(): { lr: number } {
        return { lr: 0.1 };
      }
      protected override update(parameter: Tensor, gradient: Tensor, state: { buffers: Map<string, Tensor> }): void {
        const average = state.buffers.get("average") ?? gradient.mul(0.5).add(0);
        state.buffers.set("average", average);
        const step = e.sub(e.input(0), e.mul(e.input(1), 0.1));
        parameter.device.kernels.update([step], [parameter.storage], [average.storage], []);
      }
    }
    const device = proxyDevice();
    const x = tensor([1], { device, requiresGrad: true });
    const optimizer = new Momentum([x]);
    for (let step = 0; step < 3; step++) {
      scope(() => {
        optimizer.zeroGrad();
        x.mul(2).sum().backward();
        optimizer.step();
      });
    }
    expect((await x.data())[0]).toBeCloseTo(0.7, 6);
    expect(live(device)).toBe(3);
  });
});

describe("clipping", () => {
  it("frees what it measures and the gradients that it replaces", async () => {
    const device = proxyDevice();
    const model = layer(device);
    const before = live(device);
    backward(model, device);
    const norm = clipGradNorm(model.parameters(), 0.1);
    clipGradValue(model.parameters(), 0.05);
    expect(live(device)).toBe(before + 3);
    expect(await norm.item()).toBeGreaterThan(0);
    norm.dispose();
    model.zeroGrad();
    expect(live(device)).toBe(before);
  });

  it("does not free a gradient that the user assigned or that has a graph", async () => {
    const device = proxyDevice();
    const [x, y] = [tensor([2], { device, requiresGrad: true }), tensor([3], { device, requiresGrad: true })];
    const mine = tensor([5], { device });
    x.grad = mine;
    y.square().backward(undefined, { createGraph: true });
    const graph = y.grad;
    clipGradNorm([x, y], 1);
    expect((await mine.data())[0]).toBe(5);
    expect((await graph?.data())?.[0]).toBe(6);
    expect(graph && (await grad(graph, [y])[0]?.data())?.[0]).toBe(2);
  });
});

describe("a module", () => {
  it("moved, loaded and initialized inside scopes stays whole and leaves nothing", async () => {
    const device = proxyDevice();
    const model = new Linear({ inFeatures: 3, outFeatures: 2 });
    const saved = model.stateDict();
    scope(() => {
      model.to(device);
    });
    scope(() => model.loadStateDict(saved));
    scope(() => {
      init.normal_(model.weight);
      init.constant_(model.weight, 2);
    });
    expect(live(device)).toBe(2);
    expect([...(await model.weight.data())]).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it("made on the device holds its parameters only", () => {
    const device = proxyDevice();
    const model = layer(device);
    expect(live(device)).toBe(model.parameters().length);
  });
});
