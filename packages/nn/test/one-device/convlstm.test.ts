// One device: the CPU, in float64.
import { ConvLSTM, type LSTMState } from "@squall/nn";
import { Generator, grad, matmul, randn, stack, type Tensor } from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outputsOf, type Problem, problems } from "./convlstmArbitrary.ts";
import { expectClose } from "./expectClose.ts";

/** The same model as a loop of its cells over frames. */
function cellLoop({ model, x, states }: Problem): [Tensor[], LSTMState[]] {
  const time = model.batchFirst ? 1 : 0;
  let frames = x.unbind(time);
  const layers: Tensor[] = [];
  const last: LSTMState[] = [];
  for (const [layer, cell] of [...model.cells].entries()) {
    let state = states?.[layer];
    const hidden: Tensor[] = [];
    for (const frame of frames) {
      state = cell.forward(frame, state);
      hidden.push(state.h);
    }
    if (state === undefined) throw new Error("no frames");
    layers.push(stack(hidden, time));
    last.push(state);
    frames = hidden;
  }
  return model.returnAllLayers ? [layers, last] : [layers.slice(-1), last.slice(-1)];
}

describe("ConvLSTM equals a loop of its cells", () => {
  it("forward", () => {
    fc.assert(
      fc.property(problems, (problem) => {
        expectClose(outputsOf(problem.model.forward(problem.x, problem.states)), outputsOf(cellLoop(problem)));
      }),
      { numRuns: 60 },
    );
  });

  it("in its gradients, of first and second order", () => {
    fc.assert(
      fc.property(problems, fc.integer(), (problem, seed) => {
        const generator = new Generator(seed);
        const like = (tensors: readonly Tensor[]): Tensor[] =>
          tensors.map(({ shape }) => randn(shape, { dtype: "float64", generator }));
        const fused = outputsOf(problem.model.forward(problem.x, problem.states));
        const plain = outputsOf(cellLoop(problem));
        const gradOutputs = like(fused);
        const first = { gradOutputs, allowUnused: true };
        expectClose(
          grad(fused, problem.leaves, { ...first, retainGraph: true }),
          grad(plain, problem.leaves, { ...first, retainGraph: true }),
        );
        const once = grad(fused, problem.leaves, { ...first, createGraph: true });
        const again = grad(plain, problem.leaves, { ...first, createGraph: true });
        // A gradient may be free of the leaves (a constant), and then has no gradient itself.
        const curved = once
          .map((_, k) => k)
          .filter((k) => once[k]?.requiresGrad === true && again[k]?.requiresGrad === true);
        const at = (list: Tensor[]): Tensor[] => curved.map((k) => list[k]).filter((tensor) => tensor !== undefined);
        const second = { gradOutputs: like(at(once)), allowUnused: true };
        expect(curved.length).toBeGreaterThan(0);
        expectClose(grad(at(once), problem.leaves, second), grad(at(again), problem.leaves, second));
      }),
      { numRuns: 40 },
    );
  });

  it("where the operands depend on each other", () => {
    const model = new ConvLSTM({ inputChannels: 2, hiddenChannels: 2, kernelSize: 3, dtype: "float64" });
    const x = randn([2, 1, 2, 3, 3], { dtype: "float64", requiresGrad: true });
    const state = (): LSTMState => ({ h: x.select(0, 0).tanh(), c: x.select(0, 1).mul(2) });
    gradgradcheck(() => outputsOf(model.forward(x, [state()])), [x, ...model.parameters()]);
  });
});

describe("ConvLSTM gradients", () => {
  it("are those of finite differences, and so are theirs", () => {
    fc.assert(
      fc.property(problems, ({ model, x, states, leaves }) => {
        gradcheck(() => outputsOf(model.forward(x, states)), leaves, { mode: "projection" });
        gradgradcheck(() => outputsOf(model.forward(x, states)), leaves, { mode: "projection" });
      }),
      { numRuns: 15 },
    );
  });
});

describe("ConvLSTM on a 1x1 grid with a 1x1 kernel", () => {
  it("is a plain LSTM", () => {
    const sizes = fc.record({
      inputs: fc.integer({ min: 1, max: 4 }),
      hidden: fc.integer({ min: 1, max: 4 }),
      steps: fc.integer({ min: 1, max: 4 }),
      batch: fc.integer({ min: 1, max: 3 }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(sizes, ({ inputs, hidden, steps, batch, seed }) => {
        const generator = new Generator(seed);
        const model = new ConvLSTM({
          inputChannels: inputs,
          hiddenChannels: hidden,
          kernelSize: 1,
          dtype: "float64",
          generator,
        });
        const cell = model.cells.at(0);
        const x = randn([steps, batch, inputs, 1, 1], { dtype: "float64", generator });
        const [[output]] = model.forward(x);
        const wx = cell.inputWeight?.reshape([4 * hidden, inputs]).transpose(0, 1);
        const wh = cell.stateWeight.reshape([4 * hidden, hidden]).transpose(0, 1);
        let [h, c] = [
          randn([batch, hidden], { dtype: "float64" }).mul(0),
          randn([batch, hidden], { dtype: "float64" }).mul(0),
        ];
        const expected: Tensor[] = [];
        for (const frame of x.reshape([steps, batch, inputs]).unbind(0)) {
          if (wx === undefined || cell.bias === undefined) throw new Error("the cell lacks a weight");
          const [i, f, o, g] = matmul(frame, wx).add(matmul(h, wh)).add(cell.bias).chunk(4, 1);
          if (i === undefined || f === undefined || o === undefined || g === undefined) throw new Error("four gates");
          c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
          h = o.sigmoid().mul(c.tanh());
          expected.push(h);
        }
        expectClose(output === undefined ? [] : [output.reshape([steps, batch, hidden])], [stack(expected)]);
      }),
    );
  });
});

describe("ConvLSTM in use", () => {
  const make = (batchFirst: boolean): ConvLSTM =>
    new ConvLSTM({ inputChannels: 1, hiddenChannels: [3, 2], kernelSize: 3, batchFirst, generator: new Generator(1) });

  it("gives the same numbers in either layout", () => {
    const x = randn([4, 2, 1, 5, 6]);
    const [[timeFirst]] = make(false).forward(x);
    const [[batchFirst]] = make(true).forward(x.transpose(0, 1));
    expect(batchFirst?.transpose(0, 1).toArray()).toEqual(timeFirst?.toArray());
  });

  it("continues a sequence from its last states", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [3, 2], kernelSize: 3, returnAllLayers: true });
    const x = randn([6, 2, 1, 5, 5]);
    const [[, whole]] = model.forward(x);
    const [[, start], states] = model.forward(x.narrow(0, 0, 4));
    const [[, end]] = model.forward(x.narrow(0, 4, 2), states);
    expect(whole?.narrow(0, 0, 4).toArray()).toEqual(start?.toArray());
    expect(whole?.narrow(0, 4, 2).toArray()).toEqual(end?.toArray());
  });

  it("starts with a forget bias of 1 and all other biases 0, and is the same for the same seed", () => {
    const [a, b] = [make(false), make(false)];
    expect([...(a.cells.at(0).bias?.dataSync() ?? [])]).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    expect(b.cells.at(1).stateWeight.toArray()).toEqual(a.cells.at(1).stateWeight.toArray());
    const other = new ConvLSTM({ inputChannels: 1, hiddenChannels: 1, kernelSize: 1, forgetBias: -2 });
    expect([...(other.cells.at(0).bias?.dataSync() ?? [])]).toEqual([0, -2, 0, 0]);
  });

  it("keeps nothing for a backward pass inside noGrad, and still gives the same numbers", async () => {
    const { noGrad } = await import("@squall/tensor");
    const model = make(false);
    const x = randn([3, 1, 1, 4, 4]);
    const [[quiet]] = noGrad(() => model.forward(x));
    const [[recorded]] = model.forward(x);
    expect(quiet?.requiresGrad).toBe(false);
    expect(recorded?.requiresGrad).toBe(true);
    expect(quiet?.toArray()).toEqual(recorded?.toArray());
  });
});
