// One device: the CPU, in float64. What layers do with sequences: ends, directions, single steps, carried states.
import { ArgumentError, Generator, grad, noGrad, randn, ShapeError, stack, type Tensor, tensor } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outputsOf } from "./convlstmArbitrary.ts";
import { layerOptions, problemOf } from "./convlstmOptions.ts";
import { expectClose } from "./expectClose.ts";
import { frames, made } from "./sequenceModels.ts";

/** Options without masks of dropout, which differ from call to call. */
const quiet = layerOptions.map(({ inputDropout, recurrentDropout, dropoutMasks, ...rest }) => rest);

describe("samples of different lengths", () => {
  const sizes = fc.record({
    steps: fc.integer({ min: 1, max: 5 }),
    batch: fc.integer({ min: 1, max: 3 }),
    seed: fc.integer(),
    given: fc.boolean(),
  });

  it("give what each gives alone: states freeze, outputs beyond are 0, whatever the padding holds", () => {
    fc.assert(
      fc.property(quiet, sizes, fc.array(fc.nat(5), { minLength: 3, maxLength: 3 }), (options, size, ends) => {
        const lengths = ends.slice(0, size.batch).map((end) => Math.min(end, size.steps));
        const { model, x, states } = problemOf({ ...options, returnAllLayers: true }, size);
        const time = model.batchFirst ? 1 : 0;
        const padded = stack(
          x.unbind(1 - time).map((sample, n) => {
            const end = lengths[n] ?? 0;
            const kept = sample.detach().narrow(0, 0, end).toArray() as number[][];
            const junk = sample
              .detach()
              .narrow(0, end, size.steps - end)
              .mul(Number.NaN)
              .toArray() as number[][];
            return tensor([...kept, ...junk].flat(9), { dtype: "float64", shape: sample.shape });
          }),
          1 - time,
        );
        const [outputs, last] = model.forward(padded, states, { lengths });
        for (const [n, end] of lengths.entries()) {
          const own = states?.map(({ h, c }) => ({ h: h.narrow(0, n, 1), c: c.narrow(0, n, 1) }));
          const ofSample = outputs.map((output) => output.narrow(1 - time, n, 1));
          const beyond = ofSample.map((output) => output.narrow(time, end, size.steps - end));
          for (const each of beyond) if (each.size > 0) expect(each.abs().max().itemSync()).toBe(0);
          const after = last.flatMap(({ h, c }) => [h.narrow(0, n, 1), c.narrow(0, n, 1)]);
          if (end === 0) {
            if (own !== undefined)
              expectClose(
                after,
                own.flatMap(({ h, c }) => [h, c]),
                1e-14,
              );
            continue;
          }
          const alone = outputsOf(model.forward(x.narrow(1 - time, n, 1).narrow(time, 0, end), own));
          expectClose([...ofSample.map((output) => output.narrow(time, 0, end)), ...after], alone);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("have no gradient beyond their ends, and that of finite differences before", () => {
    const model = made();
    const x = frames(4, 3).requiresGrad_(true);
    const run = (): Tensor[] => outputsOf(model.forward(x, undefined, { lengths: [4, 0, 2] }));
    gradcheck(run, [x, ...model.parameters()], { mode: "projection" });
    const [gradient] = grad(
      run()
        .map((output) => output.square().sum())
        .reduce((a, b) => a.add(b)),
      [x],
    );
    expect(gradient?.narrow(1, 1, 1).abs().max().itemSync()).toBe(0);
    expect(gradient?.narrow(1, 2, 1).narrow(0, 2, 2).abs().max().itemSync()).toBe(0);
    expect(gradient?.narrow(1, 2, 1).narrow(0, 1, 1).abs().min().itemSync()).toBeGreaterThan(0);
  });

  it("may have holes: a mask skips frames as if they were not there", () => {
    const model = made();
    const x = frames(4, 2);
    const mask = [
      [true, 1],
      [false, 1],
      [true, 0],
      [1, true],
    ];
    const [[hidden], [last]] = model.forward(x, undefined, { mask });
    const first = x.narrow(1, 0, 1);
    const [[skipped], [end]] = model.forward(stack([0, 2, 3].map((t) => first.select(0, t))));
    expectClose(
      [hidden?.select(1, 0).select(0, 2), last?.h.narrow(0, 0, 1)],
      [skipped?.select(1, 0).select(0, 1), end?.h],
    );
    expect(hidden?.select(1, 0).select(0, 1).abs().max().itemSync()).toBe(0);
  });

  it.each<[string, object, new (...args: never[]) => Error, string]>([
    ["too few lengths", { lengths: [1] }, ShapeError, "ConvLSTM: lengths has 1 values for a batch of 2"],
    [
      "a length beyond the end",
      { lengths: [5, 1] },
      ArgumentError,
      "ConvLSTM: lengths must be whole numbers from 0 to the number of steps, 4, got [5,1]",
    ],
    [
      "a mask in the other layout",
      {
        mask: [
          [1, 1, 1, 1],
          [1, 1, 1, 1],
        ],
      },
      ShapeError,
      "ConvLSTM: the mask must be [T][N] = [4][2], as the input is, got [2][4]",
    ],
    [
      "a mask of other values",
      {
        mask: [
          [1, 1],
          [1, 2],
          [1, 1],
          [1, 1],
        ],
      },
      ArgumentError,
      "got 2",
    ],
    ["both", { lengths: [1, 1], mask: [[1, 1]] }, ArgumentError, "give lengths or a mask, not both"],
  ])("are refused with %s", (_, options, kind, message) => {
    const call = (): unknown => made().forward(frames(4, 2), undefined, options);
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });
});

describe("goBackwards", () => {
  it("reads the last frame first; outputs come in that order, or beside their frames with keepOrder", () => {
    const x = frames(4, 2);
    const [[plain], [state]] = made().forward(x.flip(0));
    const [[reversed], [last]] = made({ goBackwards: true }).forward(x);
    const [[ordered]] = made({ goBackwards: true, keepOrder: true }).forward(x);
    expectClose([reversed, ordered, last?.h, last?.c], [plain, plain?.flip(0), state?.h, state?.c], 1e-15);
  });

  it("starts at the last frame that counts", () => {
    const model = made({ goBackwards: true, keepOrder: true });
    const x = frames(4, 2);
    const [[hidden]] = model.forward(x, undefined, { lengths: [4, 2] });
    const [[alone]] = model.forward(x.narrow(1, 1, 1).narrow(0, 0, 2));
    expectClose([hidden?.narrow(1, 1, 1).narrow(0, 0, 2)], [alone]);
  });
});

describe("outputs of the last step only", () => {
  it("are the last of all, or of those that count", () => {
    const x = frames(4, 2);
    const [[all], [state]] = made().forward(x);
    const [[last]] = made({ returnSequences: false }).forward(x);
    expectClose([last], [all?.select(0, 3)], 1e-15);
    expect(last?.shape).toEqual(state?.h.shape);
    const [[ends]] = made({ returnSequences: false }).forward(x, undefined, { lengths: [4, 2] });
    expectClose([ends?.select(0, 1)], [all?.select(0, 1).select(0, 1)]);
  });
});

describe("step", () => {
  it("gives the numbers of the whole sequence, frame by frame, for any options", () => {
    fc.assert(
      fc.property(quiet, fc.integer(), (options, seed) => {
        const { model, x, states } = problemOf(
          { ...options, returnAllLayers: true },
          { steps: 3, batch: 2, seed, given: true },
        );
        const time = model.batchFirst ? 1 : 0;
        const [outputs, last] = model.forward(x, states);
        let state = states;
        const hidden = x.unbind(time).map((frame) => {
          const [now, next] = model.step(frame, state);
          state = next;
          return now;
        });
        const byLayer = outputs.map((_, layer) =>
          stack(
            hidden.map((now) => now[layer] ?? x),
            time,
          ),
        );
        expectClose(
          [...byLayer, ...(state ?? []).flatMap(({ h, c }) => [h, c])],
          [...outputs, ...last.flatMap(({ h, c }) => [h, c])],
        );
      }),
      { numRuns: 25 },
    );
  });

  it("returns the states of all layers, whatever is returned of outputs", () => {
    const [outputs, states] = made().step(frames(1, 2).select(0, 0));
    expect(outputs.map(({ shape }) => shape)).toEqual([[2, 3, 4, 3]]);
    expect(states.map(({ h }) => h.shape)).toEqual([
      [2, 2, 4, 3],
      [2, 3, 4, 3],
    ]);
  });

  it("is refused for layers that read backwards", () => {
    expect(() => made({ goBackwards: true }).step(frames(1, 2).select(0, 0))).toThrow(
      "ConvLSTM.step: goBackwards reads the last frame first, so there are no single steps; call forward",
    );
  });
});

describe("stateful layers", () => {
  it("go on where the last call ended, in all layers, whatever is returned", () => {
    const x = frames(5, 2);
    const [[whole], [end]] = made().forward(x);
    const model = made({ stateful: true });
    const [[start]] = model.forward(x.narrow(0, 0, 2));
    const [[rest], [last]] = model.forward(x.narrow(0, 2, 3));
    expectClose([start, rest, last?.c], [whole?.narrow(0, 0, 2), whole?.narrow(0, 2, 3), end?.c]);
    model.resetState();
    expectClose([model.forward(x.narrow(0, 0, 2))[0][0]], [start], 1e-15);
    const streamed = made({ stateful: true });
    expectClose([stack(x.unbind(0).map((frame) => streamed.step(frame)[0][0] ?? frame))], [whole]);
  });

  it("train chunk after chunk: carried states are detached", () => {
    const model = made({ stateful: true });
    for (let k = 0; k < 3; k++) {
      const [[hidden]] = model.forward(frames(2, 1, k));
      expect(() => hidden?.square().sum().backward()).not.toThrow();
    }
    expect(model.carriedStates?.every(({ h, c }) => !h.requiresGrad && !c.requiresGrad)).toBe(true);
  });

  it("carry gradients too with detachCarried: false, until detachState()", () => {
    const model = made({ stateful: true, detachCarried: false });
    const x = frames(2, 1).requiresGrad_(true);
    model.forward(x);
    const [[second]] = model.forward(frames(2, 1, 2));
    const [through] = grad(second?.sum() ?? x, [x], { retainGraph: true });
    expect(through?.abs().max().itemSync()).toBeGreaterThan(0);
    model.detachState();
    const [[third]] = model.forward(frames(2, 1, 3));
    expect(() => grad(third?.sum() ?? x, [x])).toThrow("do not depend on input 0");
  });

  it("reset some samples of the batch; those start from what was learned, and gradients reach that", () => {
    const options = { stateful: true, learnedInitialState: true };
    const model = made(options);
    const [a, b] = [frames(2, 3, 1), frames(2, 3, 2)];
    model.forward(a);
    model.resetState([false, true, false]);
    const [[mixed]] = model.forward(b);
    const fresh = made(options).forward(b)[0][0];
    const going = made(options);
    going.forward(a);
    const gone = going.forward(b)[0][0];
    expectClose(
      [mixed?.narrow(1, 0, 1), mixed?.narrow(1, 1, 1), mixed?.narrow(1, 2, 1)],
      [gone?.narrow(1, 0, 1), fresh?.narrow(1, 1, 1), gone?.narrow(1, 2, 1)],
    );
    mixed?.narrow(1, 1, 1).sum().backward();
    expect(model.cells.at(0).learnedState?.grad?.abs().max().itemSync()).toBeGreaterThan(0);
  });

  it("go on without input too, from carried states or, where reset, from learned ones", () => {
    const options = { inputChannels: 0, hiddenChannels: 2, stateful: true, learnedInitialState: true };
    const state = (): { h: Tensor; c: Tensor } => {
      const generator = new Generator(4);
      const [h, c] = [0, 1].map(() => randn([2, 2, 3, 3], { dtype: "float64", generator }));
      if (h === undefined || c === undefined) throw new Error("two parts");
      return { h, c };
    };
    const [[whole]] = made(options).unroll(5, [state()]);
    const model = made(options);
    const [[start]] = model.unroll(2, [state()]);
    expectClose([start], [whole?.narrow(0, 0, 2)]);
    model.resetState([true, false]);
    const [[rest]] = model.unroll(3);
    expectClose([rest?.narrow(1, 1, 1)], [whole?.narrow(0, 2, 3).narrow(1, 1, 1)]);
    rest?.narrow(1, 0, 1).sum().backward();
    expect(model.cells.at(0).learnedState?.grad?.abs().max().itemSync()).toBeGreaterThan(0);
    expect(() => made(options).unroll(1)).toThrow("needs 1 states with 4 axes [N,H,…]");
    expect(() => made({ inputChannels: 0, goBackwards: true })).toThrow("goBackwards is about the input");
  });

  it("refuse a batch or image of another size and say what to call", () => {
    const model = made({ stateful: true });
    model.forward(frames(2, 2));
    const message =
      "ConvLSTM: the states carried over from the last call are [2,2,4,3] in layer 0 but this input needs [N,H,…] = [3,2,4,3]; call resetState() before a batch or image of another size";
    expect(() => model.forward(frames(2, 3))).toThrow(ShapeError);
    expect(() => model.forward(frames(2, 3))).toThrow(message);
    expect(() => model.forward(randn([2, 2, 1, 5, 5], { dtype: "float64" }))).toThrow("call resetState()");
    model.resetState();
    expect(model.forward(frames(2, 3))[0][0]?.shape).toEqual([2, 3, 3, 4, 3]);
    expect(() => model.resetState([true])).toThrow("the mask has 1 values but the carried states are of a batch of 3");
    model.resetState();
    expect(() => model.resetState([true])).toThrow("there are no states yet");
  });

  it("keep copies: what a call returned, or was given, is the caller's", () => {
    const model = made({ stateful: true });
    const [, [last]] = model.forward(frames(2, 1));
    const [[before]] = noGrad(() => model.forward(frames(1, 1, 2)));
    model.resetState();
    model.forward(frames(2, 1));
    noGrad(() => last?.h.fill_(9));
    expectClose([noGrad(() => model.forward(frames(1, 1, 2)))[0][0]], [before], 1e-15);
  });

  it("move with to(), and are part of the state dict on request", () => {
    const model = made({ stateful: true, saveState: true });
    const x = frames(2, 2);
    model.forward(x);
    const saved = Object.fromEntries(Object.entries(model.stateDict()).map(([name, value]) => [name, value.clone()]));
    expect(Object.keys(saved)).toEqual(
      expect.arrayContaining(["states.0.h", "states.0.c", "states.1.h", "states.1.c"]),
    );
    const expected = noGrad(() => model.forward(x)[0][0]);
    const other = made({ stateful: true, saveState: true });
    other.loadStateDict(saved);
    expectClose([noGrad(() => other.forward(x)[0][0])], [expected], 1e-15);
    other.loadStateDict(saved);
    other.to("float32");
    expect(other.carriedStates?.map(({ h, c }) => [h.dtype, c.dtype])).toEqual([
      ["float32", "float32"],
      ["float32", "float32"],
    ]);
    expect(() => other.forward(x.to("float32"))).not.toThrow();
    expect(Object.keys(made({ stateful: true }).stateDict())).toEqual(Object.keys(made().stateDict()));
    const { "states.1.c": _, ...partial } = saved;
    expect(() => made({ stateful: true }).loadStateDict(partial)).toThrow(
      "states are loaded whole, but there is no states.1.c",
    );
    expect(() => made({ stateful: true }).loadStateDict({ ...saved, "states.1.c": x })).toThrow(
      "states.1.c: the state dict's shape is [2,2,1,4,3], not [N,3,…]",
    );
    expect(() => made().loadStateDict(saved)).toThrow("unexpected: states.0.h");
  });

  it("are not other layers: nothing carries over unless asked for", () => {
    const model = made();
    expect(() => model.resetState()).toThrow(
      "ConvLSTM.resetState: this model carries no states; build it with stateful: true, or pass states yourself",
    );
    expect(() => made({ saveState: true })).toThrow("saveState does nothing without stateful");
    expect(() => made({ keepOrder: true })).toThrow("keepOrder does nothing without goBackwards");
  });
});
