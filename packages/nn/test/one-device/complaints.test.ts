// What users of ConvLSTM code complain of (issue threads, by row of the project's list). Tests here are short: the long proofs stand with their
// parts. One device: the CPU, and the proxy, which counts what it holds, where bytes matter.
//
// Rows whose tests are elsewhere:
//   #10 to #20, of libraries: complaintsOfLibraries.test.ts
import { readFileSync } from "node:fs";
import {
  Bidirectional,
  bceWithLogits,
  ConvLSTM,
  type ConvLSTMOptions,
  EncoderForecaster,
  mse,
  truncatedBPTT,
} from "@squall/nn";
import { Adam, SGD } from "@squall/optim";
import { cat, type Device, Generator, grad, noGrad, randn, scope, type Tensor, tensor, zeros } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { randomise } from "./convlstmArbitrary.ts";
import { expectClose } from "./expectClose.ts";

const common: ConvLSTMOptions = { inputChannels: 1, hiddenChannels: [2, 3], kernelSize: 3, dtype: "float64" };

/** Always the same weights for the same options. */
function made(options: Partial<ConvLSTMOptions> = {}): ConvLSTM {
  const model = new ConvLSTM({ ...common, ...options });
  randomise(model, new Generator(7));
  return model;
}

const random = (shape: number[], seed = 1): Tensor =>
  randn(shape, { dtype: "float64", generator: new Generator(seed) });
const frames = (steps: number, batch: number, seed = 1): Tensor => random([steps, batch, 1, 4, 3], seed);

/** Largest absolute value. */
const most = (x: Tensor): number => x.detach().abs().max().itemSync();

describe("#1 peephole weights never learn", () => {
  it("they are parameters of the model, still so after a move to a device, and steps add up", async () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: 2, kernelSize: 3, peephole: "channel" });
    const device = proxyDevice();
    const before = model.cells.at(0).peephole;
    model.to(device);
    const { peephole } = model.cells.at(0);
    if (peephole === undefined) throw new Error("no peepholes");
    expect(peephole).toBe(before);
    expect(model.parameters()).toContain(peephole);
    expect([peephole.device, peephole.requiresGrad, peephole.shape]).toEqual([device, true, [3, 2, 1, 1]]);
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const seen = [await peephole.data()];
    for (let step = 0; step < 2; step++) {
      optimizer.zeroGrad();
      model
        .forward(randn([3, 2, 1, 4, 4], { device }))[0][0]
        .square()
        .sum()
        .backward();
      optimizer.step();
      seen.push(await peephole.data());
    }
    for (const k of [0, 1]) for (const [n, value] of seen[k + 1].entries()) expect(value).not.toBe(seen[k][n]);
  });

  it("W∘C is in the equations: outputs depend on each of the three", () => {
    const model = made({ hiddenChannels: 1, peephole: "channel" });
    const x = frames(2, 1);
    const plain = model.forward(x)[0][0];
    for (const gate of [0, 1, 2]) {
      const other = made({ hiddenChannels: 1, peephole: "channel" });
      const { peephole } = other.cells.at(0);
      const one = tensor([0, 1, 2].map((k) => (k === gate ? 1 : 0)))
        .to("float64")
        .reshape([3, 1, 1, 1]);
      noGrad(() => peephole?.copy_(peephole.add(one)));
      expect(most(other.forward(x)[0][0].sub(plain))).toBeGreaterThan(1e-3);
    }
  });
});

describe("#2 states cannot be passed or kept", () => {
  it("states of all layers go in and come out, and gradients flow through them, as from an encoder to a decoder", () => {
    const [encoder, decoder] = [made({ returnAllLayers: true }), made()];
    const x = frames(3, 2).requiresGrad_(true);
    const [, states] = encoder.forward(x);
    expect(states.map(({ h, c }) => [h.shape[1], c.shape[1]])).toEqual([
      [2, 2],
      [3, 3],
    ]);
    const [[output]] = decoder.forward(frames(2, 2, 2), states);
    const [gradient] = grad(output.sum(), [x]);
    expect(gradient.abs().min().itemSync()).toBeGreaterThan(0);
  });

  it("states are kept from call to call with `stateful`, and no backward runs a second time through them", () => {
    const model = made({ stateful: true });
    for (const seed of [1, 2, 3]) {
      const before = model.carriedStates?.[1].c.toArray();
      model
        .forward(frames(2, 1, seed))[0][0]
        .sum()
        .backward();
      expect(model.carriedStates?.[1].c.toArray()).not.toEqual(before);
    }
  });
});

describe("#3 the layout of the input is unclear, and every step reads the same frame", () => {
  it.each<[string, number[], string]>([
    ["images without time", [2, 1, 4, 4], "ConvLSTM: input needs 5 axes [T,N,C,…], got [2,1,4,4]"],
    [
      "channels last",
      [2, 3, 4, 4, 1],
      "ConvLSTM: input has 4 channels but the model expects 1 (input [T,N,C,…] = [2,3,4,4,1])",
    ],
  ])("refuses %s and says which axis is which", (_, shape, message) => {
    expect(() => made().forward(random(shape))).toThrow(message);
  });

  it("reads frame t at step t, in either layout", () => {
    const x = frames(3, 2);
    const [[output]] = made({ hiddenChannels: 2 }).forward(x);
    const [[batchFirst]] = made({ hiddenChannels: 2, batchFirst: true }).forward(x.transpose(0, 1));
    expectClose([batchFirst.transpose(0, 1)], [output]);
    const cell = made({ hiddenChannels: 2 }).cells.at(0);
    let state = cell.forward(x.select(0, 0));
    for (const t of [1, 2]) state = cell.forward(x.select(0, t), state);
    expectClose([output.select(0, 2)], [state.h]);
  });
});

// A whole example with handwritten digits is in examples/moving-digits; the paper's parameter counts are in encoderForecaster.test.ts.
describe("#4 the paper cannot be reproduced, forecasts are blank", () => {
  it("a small encoder-forecaster learns to move what it sees, which neither copying nor a blank frame does", () => {
    const generator = new Generator(5);
    // A light on a ring of six that moves one place per frame, either way: 3 frames in, 2 to forecast.
    const films = (batch: number): Tensor => {
      const data = Array.from({ length: batch }, () => {
        const [at, way] = [generator.integer(0, 6), generator.integer(0, 2) === 0 ? 1 : -1];
        return Array.from({ length: 5 }, (_, t) =>
          Array.from({ length: 6 }, (_, k) => (k === (at + way * t + 12) % 6 ? 1 : 0)),
        );
      });
      return tensor(data.flat(2), { shape: [batch, 5, 1, 6] });
    };
    const options = {
      inputChannels: 1,
      hiddenChannels: 8,
      kernelSize: 5,
      spatialDims: 1,
      batchFirst: true,
      generator,
    } as const;
    const model = new EncoderForecaster(options);
    const optimizer = new Adam(model.parameters(), { lr: 0.03 });
    const lossOf = (all: Tensor): Tensor => bceWithLogits(model.forward(all.narrow(1, 0, 3), 2), all.narrow(1, 3, 2));
    for (let k = 0; k < 150; k++) {
      optimizer.zeroGrad();
      lossOf(films(6)).backward();
      optimizer.step();
    }
    // The best frame that does not look at the input has a sixth of light everywhere.
    const blank = -(Math.log(1 / 6) / 6 + (Math.log(5 / 6) * 5) / 6);
    expect(lossOf(films(12)).itemSync()).toBeLessThan(blank / 2);
  });
});

describe("#5 slow and out of memory", () => {
  const options = { inputChannels: 1, hiddenChannels: 4, kernelSize: 3 } as const;
  const steps = 16;

  const bytesOn = (device: Device): number => device.memory().bytes ?? Number.NaN;

  /** Bytes that the graph of a forward pass holds until the backward pass. */
  function heldBytes(checkpoint: boolean | number): number {
    const device = proxyDevice();
    const model = new ConvLSTM({ ...options, checkpoint, device });
    const x = randn([steps, 1, 1, 8, 8], { device });
    const before = bytesOn(device);
    const loss = scope(() => model.forward(x)[0][0].square().sum());
    const held = bytesOn(device) - before;
    loss.backward();
    return held;
  }

  it("checkpoints hold a fraction of the bytes between forward and backward", () => {
    const [plain, some, root] = [false, 8, true].map(heldBytes);
    expect(some).toBeLessThan(0.5 * plain);
    expect(root).toBeLessThan(0.5 * plain);
  });

  it("truncated BPTT holds a chunk, however long the sequence is", () => {
    const most = (length: number): number => {
      const device = proxyDevice();
      const model = new ConvLSTM({ ...options, device });
      const x = randn([length, 1, 1, 8, 8], { device });
      const before = bytesOn(device);
      let peak = 0;
      truncatedBPTT(model, x, { chunkSteps: 4 }, ({ outputs: [hidden] }) => {
        const loss = hidden.square().sum();
        peak = Math.max(peak, bytesOn(device) - before);
        loss.backward();
      });
      return peak;
    };
    expect(most(4 * steps)).toBe(most(2 * steps));
  });

  it("what truncated BPTT is asked to return stays usable: losses that have not gone backward, and states", async () => {
    const device = proxyDevice();
    const model = new ConvLSTM({ ...options, device });
    const x = randn([6, 1, 1, 4, 4], { device });
    const { results } = truncatedBPTT(model, x, { chunkSteps: 2 }, ({ outputs: [hidden], states }) => {
      return { loss: hidden.square().sum(), h: states[0].h };
    });
    for (const { loss, h } of results) {
      loss.backward();
      expect((await h.data()).every(Number.isFinite)).toBe(true);
    }
    expect(await model.cells.at(0).stateWeight.grad?.abs().min().item()).toBeGreaterThan(0);
  });
});

describe("#6 padding, even kernels and stride", () => {
  it.each<[Partial<ConvLSTMOptions>, number[]]>([
    [{ kernelSize: 4 }, [9, 7]],
    [{ kernelSize: [2, 5], stateKernelSize: [4, 1] }, [9, 7]],
    [{ padding: "valid" }, [7, 5]],
    [{ stride: 2 }, [5, 4]],
    [{ stride: 2, padding: 0, kernelSize: 2 }, [4, 3]],
  ])("%j runs over many steps, and has gradients", (options, size) => {
    const model = made({ hiddenChannels: 2, ...options });
    const x = random([3, 1, 1, 9, 7]);
    const [[output], [last]] = model.forward(x);
    expect([output.shape, last.c.shape]).toEqual([
      [3, 1, 2, ...size],
      [1, 2, ...size],
    ]);
    gradcheck(() => model.forward(x)[0], model.parameters(), { mode: "projection" });
  });
});

describe("#7 image or batch size is fixed", () => {
  it("one model takes any of both, peepholes included", () => {
    const model = made({ peephole: "channel", stateful: true });
    for (const [batch, height, width] of [
      [1, 4, 4],
      [3, 4, 4],
      [2, 7, 3],
      [1, 1, 1],
    ]) {
      model.resetState();
      expect(model.forward(random([2, batch, 1, height, width]))[0][0].shape).toEqual([2, batch, 3, height, width]);
    }
  });

  it("a batch is its samples, each by itself", () => {
    const model = made({ peephole: "channel" });
    const x = frames(3, 3);
    const apart = x.split(1, 1).map((sample) => model.forward(sample)[0][0]);
    expectClose([model.forward(x)[0][0]], [cat(apart, 1)]);
  });
});

describe("#8 no bidirectional layers, lengths, dropout, 1D and 3D", () => {
  it("both directions are read: the first output knows the last frame", () => {
    const model = new Bidirectional((direction) => new ConvLSTM({ ...common, ...direction }));
    const x = frames(3, 1).requiresGrad_(true);
    const [[output]] = model.forward(x);
    expect(output.shape).toEqual([3, 1, 6, 4, 3]);
    const [gradient] = grad(output.select(0, 0).sum(), [x]);
    expect(most(gradient.select(0, 2))).toBeGreaterThan(0);
  });

  it("samples may have lengths of their own", () => {
    const model = made();
    const x = frames(4, 2);
    const [[output], [last]] = model.forward(x, undefined, { lengths: [4, 2] });
    const [[alone], [end]] = model.forward(x.narrow(1, 1, 1).narrow(0, 0, 2));
    expectClose([output.narrow(1, 1, 1).narrow(0, 0, 2), last.c.narrow(0, 1, 1)], [alone, end.c]);
  });

  it.each(["inputDropout", "recurrentDropout", "layerDropout", "zoneout"])("%s is at work in training only", (name) => {
    const x = frames(2, 2);
    const model = made({ [name]: 0.5, generator: new Generator(1) });
    const quiet = made().forward(x)[0][0];
    expect(most(model.forward(x)[0][0].sub(quiet))).toBeGreaterThan(1e-3);
    expectClose([model.eval().forward(x)[0][0]], [quiet]);
  });

  it.each([1, 3] as const)("images may have %i axes", (spatialDims) => {
    const model = made({ spatialDims, hiddenChannels: 2 });
    const size = [3, 2, 4].slice(0, spatialDims);
    const x = random([2, 2, 1, ...size]);
    expect(model.forward(x)[0][0].shape).toEqual([2, 2, 2, ...size]);
    gradcheck(() => model.forward(x)[0], model.parameters(), { mode: "projection" });
  });
});

// Examples in documents are run by scripts/test/documents.test.ts.
describe("#9 examples in the documentation are wrong", () => {
  /** The lines of the first example in the docstring of a class. */
  function exampleOf(file: string): string {
    const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
    const [, example = ""] = /^ \* ```ts\n(.*?)^ \* ```$/ms.exec(source) ?? [];
    return example.replaceAll(/^ \* /gm, "");
  }

  it.each(["convlstm/convLSTM.ts", "recurrent/bidirectional.ts", "recurrent/truncatedBPTT.ts"])(
    "that of %s runs as it stands",
    (file) => {
      const example = exampleOf(file);
      expect(example).toMatch(/^const .*\bx\b/s);
      // An example either makes its model or goes on with one.
      const names = {
        Bidirectional,
        ConvLSTM,
        truncatedBPTT,
        mse,
        x: zeros([12, 3, 1, 4, 4]),
        target: zeros([12, 3, 2, 4, 4]),
        head: (hidden: Tensor): Tensor => hidden,
        optimizer: new SGD(made().parameters()),
        ...(!example.startsWith("const model") && { model: made({ hiddenChannels: 2, dtype: "float32" }) }),
      };
      const run = new Function(...Object.keys(names), example);
      expect(() => run(...Object.values(names))).not.toThrow();
    },
  );

  it("the shapes that ConvLSTM's docstring names are those that come out", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [16, 8], kernelSize: 3, batchFirst: true });
    const [[hidden], [last]] = model.forward(zeros([2, 3, 1, 5, 4]));
    expect([hidden.shape, last.h.shape, last.c.shape]).toEqual([
      [2, 3, 8, 5, 4],
      [2, 8, 5, 4],
      [2, 8, 5, 4],
    ]);
  });
});
