// One device: the CPU, in float64. Long sequences in chunks.
import { Bidirectional, ConvLSTM, truncatedBPTT } from "@squall/nn";
import { SGD } from "@squall/optim";
import { grad, rand } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { expectClose } from "./expectClose.ts";
import { common, frames, made } from "./sequenceModels.ts";

describe("truncatedBPTT", () => {
  it("gives the outputs of the whole sequence, and gradients that end at each chunk", () => {
    const model = made();
    const x = frames(7, 2).requiresGrad_(true);
    const starts: [number, number][] = [];
    const { results, states } = truncatedBPTT(model, x, { chunkSteps: 3 }, ({ outputs: [hidden], start, steps }) => {
      starts.push([start, steps]);
      const [gradient] = grad(hidden?.sum() ?? x, [x], { retainGraph: true });
      expect(start === 0 ? 0 : gradient?.narrow(0, 0, start).abs().max().itemSync()).toBe(0);
      expect(gradient?.narrow(0, start, 1).abs().max().itemSync()).toBeGreaterThan(0);
      return hidden?.detach() ?? x;
    });
    expect(starts).toEqual([
      [0, 3],
      [3, 3],
      [6, 1],
    ]);
    const [[whole], last] = model.forwardAll(x);
    expectClose(
      [results[0], results[1], results[2]],
      [whole?.narrow(0, 0, 3), whole?.narrow(0, 3, 3), whole?.narrow(0, 6, 1)],
    );
    expectClose(
      states.flatMap(({ h, c }) => [h, c]),
      last.flatMap(({ h, c }) => [h, c]),
    );
    expect(states.every(({ h, c }) => !h.requiresGrad && !c.requiresGrad)).toBe(true);
  });

  it("trains, with lengths, from given states, in either layout", () => {
    const model = made({ batchFirst: true });
    const optimizer = new SGD(model.parameters(), { lr: 0.05 });
    const x = frames(6, 2).transpose(0, 1);
    const pass = (): number => {
      const { results } = truncatedBPTT(model, x, { chunkSteps: 2, lengths: [6, 3] }, ({ outputs: [hidden] }) => {
        const loss = (hidden ?? x).square().sum();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      });
      return results.reduce((sum, loss) => sum + loss.itemSync(), 0);
    };
    const first = pass();
    for (let k = 0; k < 5; k++) pass();
    expect(pass()).toBeLessThan(0.8 * first);
  });

  it("refuses chunks of no steps and layers that read backwards", () => {
    const train = (): void => {};
    expect(() => truncatedBPTT(made(), frames(2, 1), { chunkSteps: 0 }, train)).toThrow(
      "truncatedBPTT: chunkSteps must be a whole number >= 1, got 0",
    );
    expect(() => truncatedBPTT(made({ goBackwards: true }), frames(2, 1), { chunkSteps: 1 }, train)).toThrow(
      "goBackwards",
    );
  });

  it("refuses lengths and masks of another sequence before anything is trained", () => {
    const model = made({ stateful: true });
    const x = frames(4, 2);
    let trained = 0;
    const train = (): void => {
      trained++;
    };
    for (const [options, message] of [
      [{ lengths: [100, 4] }, "lengths must be whole numbers from 0 to the number of steps, 4, got [100,4]"],
      [{ lengths: [-3, 4] }, "got [-3,4]"],
      [{ lengths: [2.5, 4] }, "got [2.5,4]"],
      [{ lengths: [4] }, "truncatedBPTT: lengths has 1 values for a batch of 2"],
      [
        { mask: Array.from({ length: 9 }, () => [1, 1]) },
        "the mask must be [T][N] = [4][2], as the input is, got [9][2]",
      ],
      [{ mask: Array.from({ length: 3 }, () => [1, 1]) }, "got [3][2]"],
    ] as const) {
      expect(() => truncatedBPTT(model, x, { chunkSteps: 2, ...options }, train)).toThrow(message);
    }
    expect(() => truncatedBPTT(model, x.narrow(0, 0, 0), { chunkSteps: 2 }, train)).toThrow(
      "the sequence has no steps",
    );
    expect([trained, model.carriedStates]).toEqual([0, undefined]);
  });

  it("trains on, with gradients of 0, in chunks beyond the end of all samples", () => {
    const model = made();
    const x = frames(4, 2);
    const { results } = truncatedBPTT(model, x, { chunkSteps: 2, lengths: [2, 1] }, ({ outputs: [hidden], start }) => {
      model.zeroGrad();
      hidden.square().sum().backward();
      expect(model.parameters().every(({ grad }) => grad !== undefined)).toBe(true);
      return { start, largest: Math.max(...model.parameters().map(({ grad }) => grad?.abs().max().itemSync() ?? 1)) };
    });
    expect(results.map(({ largest }) => largest > 0)).toEqual([true, false]);
  });

  it("keeps dropout masks through all chunks of a sequence", () => {
    const noisy = { inputDropout: 0.3, recurrentDropout: 0.3, dropoutMasks: "shared" } as const;
    const x = frames(6, 2);
    const run = (chunkSteps: number): unknown => {
      const model = made({ ...noisy, hiddenChannels: 2 });
      return truncatedBPTT(model, x, { chunkSteps }, ({ outputs: [hidden] }) => hidden.detach())
        .results.flatMap((part) => part.unbind(0))
        .map((step) => step.toArray());
    };
    expect(run(2)).toEqual(run(6));
    expect(run(1)).toEqual(run(6));
  });

  it("takes no async function, whose steps would come too late, and nothing but recurrent layers", () => {
    expect(() => truncatedBPTT(made(), frames(2, 1), { chunkSteps: 1 }, async () => {})).toThrow(
      "truncatedBPTT: train must not be async: the next chunk would begin before its step; return a promise of what is to be read, such as loss.item()",
    );
    const both = new Bidirectional((direction) => new ConvLSTM({ ...common, ...direction }));
    // @ts-expect-error no recurrent layer
    expect(() => truncatedBPTT(both, frames(2, 1), { chunkSteps: 1 }, () => {})).toThrow(
      "truncatedBPTT: takes recurrent layers, such as a ConvLSTM, got a Bidirectional",
    );
  });

  it("leaves on a device that counts only the states that it returns, masks of dropout or not", () => {
    const device = proxyDevice();
    const noisy = { inputDropout: 0.2, recurrentDropout: 0.3, layerDropout: 0.2, zoneout: 0.1 };
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [2, 2], kernelSize: 3, ...noisy, device });
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const x = rand([6, 2, 1, 4, 4], { device });
    const held = Array.from({ length: 4 }, () => {
      truncatedBPTT(model, x, { chunkSteps: 2, lengths: [5, 2] }, ({ outputs: [hidden] }) => {
        optimizer.zeroGrad();
        hidden.square().sum().backward();
        optimizer.step();
      });
      return device.memory().storages ?? 0;
    });
    expect(held.slice(1).map((count, k) => count - held[k])).toEqual([4, 4, 4]);
  });
});
