// One device: the CPU. Dropout and zoneout of recurrent layers.
import { ConvGRU, ConvLSTM, ConvLSTMCell, type ConvLSTMOptions, ConvRNN, type LSTMState } from "@squall/nn";
import { Generator, manualSeed, ones, randn, type Tensor, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";

const common = { inputChannels: 2, hiddenChannels: 3, kernelSize: 3 } as const;

function made(options: Partial<ConvLSTMOptions>, seed = 1): ConvLSTM {
  return new ConvLSTM({ ...common, ...options, generator: new Generator(seed) });
}

const values = (tensor: Tensor | undefined): number[] => [...(tensor?.dataSync() ?? [])];

describe("dropout of input and state", () => {
  const noisy = { inputDropout: 0.5, recurrentDropout: 0.25, layerDropout: 0.5, zoneout: 0.2, hiddenChannels: [3, 3] };

  it("is at work in training only, and repeats with the seed", () => {
    const x = randn([4, 2, 2, 6, 6]);
    const [a, b, c] = [made(noisy), made(noisy), made(noisy, 2)];
    c.loadStateDict(a.stateDict());
    const first = values(a.forward(x)[0][0]);
    expect(values(b.forward(x)[0][0])).toEqual(first);
    expect(values(c.forward(x)[0][0])).not.toEqual(first);
    expect(values(a.forward(x)[0][0])).not.toEqual(first);
    const plain = made({ hiddenChannels: [3, 3] });
    plain.loadStateDict(a.stateDict());
    expect(values(a.eval().forward(x)[0][0])).toEqual(values(plain.forward(x)[0][0]));
  });

  it("draws one mask per gate and sequence, or one for all gates", () => {
    const cell = new ConvLSTMCell({
      ...common,
      inputDropout: 0.5,
      recurrentDropout: 0.25,
      generator: new Generator(3),
    });
    const { input, state } = cell.drawMasks(2, [4, 5], [4, 5]);
    expect(input?.map(({ shape }) => shape)).toEqual(Array.from({ length: 4 }, () => [2, 2, 4, 5]));
    expect(state?.map(({ shape }) => shape)).toEqual(Array.from({ length: 4 }, () => [2, 3, 4, 5]));
    expect(values(input?.[0])).not.toEqual(values(input?.[1]));
    const shared = new ConvLSTMCell({ ...common, inputDropout: 0.5, dropoutMasks: "shared" });
    expect(shared.drawMasks(2, [4, 5], [4, 5]).input?.length).toBe(1);
  });

  it("drops the asked part of all elements and scales the others, so that the mean stays", () => {
    const cell = new ConvLSTMCell({ ...common, inputDropout: 0.4, generator: new Generator(3) });
    const all = values(cell.drawMasks(20, [20, 20], [20, 20]).input?.[0]);
    expect([...new Set(all)].sort()).toEqual([0, Math.fround(1 / 0.6)]);
    expect(all.filter((each) => each === 0).length / all.length).toBeCloseTo(0.4, 1);
  });

  it("drops the same elements in all steps of a sequence", () => {
    // Without bias and state weights, a frame of ones gives the same pre-activations in every step only if the mask is the same.
    const cell = new ConvLSTMCell({ ...common, inputDropout: 0.5, bias: false, generator: new Generator(4) });
    cell.stateWeight.requiresGrad_(false).fill_(0);
    cell.requiresGrad_(false);
    const masks = cell.drawMasks(1, [4, 4], [4, 4]);
    const state = { h: zeros([1, 3, 4, 4]), c: zeros([1, 3, 4, 4]) };
    const { hidden } = cell.sequence(ones([3, 1, 2, 4, 4]), 3, state, masks);
    const again = cell.sequence(ones([1, 1, 2, 4, 4]), 1, state, masks);
    expect(values(hidden.narrow(0, 0, 1))).toEqual(values(again.hidden));
    const other = cell.sequence(ones([1, 1, 2, 4, 4]), 1, state, cell.drawMasks(1, [4, 4], [4, 4]));
    expect(values(other.hidden)).not.toEqual(values(again.hidden));
  });
});

describe("zoneout", () => {
  it("keeps old values with the asked probability, of the parts asked for", () => {
    const cell = new ConvLSTMCell({ ...common, zoneout: { c: 0.3 }, generator: new Generator(5) });
    const size = [4, 3, 20, 20];
    const old = { h: randn(size), c: randn(size) };
    const after = cell.forward(randn([4, 2, 20, 20], { generator: new Generator(6) }), old);
    const before = values(old.c);
    const kept = values(after.c).filter((each, k) => each === before[k]).length / before.length;
    expect(kept).toBeCloseTo(0.3, 1);
    const hidden = values(old.h);
    expect(values(after.h).some((each, k) => each === hidden[k])).toBe(false);
    // What was not kept is what the cell makes without zoneout.
    const fresh = values(cell.eval().forward(randn([4, 2, 20, 20], { generator: new Generator(6) }), old).c);
    expect(values(after.c).every((each, k) => each === before[k] || each === fresh[k])).toBe(true);
  });

  it("is refused outside of [0, 1) and for parts that there are not", () => {
    expect(() => made({ zoneout: 1 })).toThrow("ConvLSTMCell: zoneout must be a number in [0, 1), got 1");
    expect(() => made({ zoneout: { h: -1 } })).toThrow("ConvLSTMCell: zoneout.h must be a number in [0, 1), got -1");
    expect(() => made({ zoneout: { m: 0.1 } })).toThrow("zoneout names m, but the parts of the state are h, c");
  });

  it("after eval() does nothing, or mixes old and new values as they are on average", () => {
    const zoneout = { h: 0.25, c: 0.5 };
    const cell = (more: object): ConvLSTMCell =>
      new ConvLSTMCell({ ...common, dtype: "float64", zoneout, ...more, generator: new Generator(5) }).eval();
    const size = [1, 3, 5, 5];
    const random = (shape: readonly number[], seed: number): Tensor =>
      randn(shape, { dtype: "float64", generator: new Generator(seed) });
    const [x, old] = [random([1, 2, 5, 5], 6), { h: random(size, 7), c: random(size, 8) }];
    const plain = cell({ zoneout: 0 }).forward(x, old);
    expect(values(cell({}).forward(x, old).c)).toEqual(values(plain.c));
    const mixed = cell({ zoneoutInEvaluation: "expected" }).forward(x, old);
    for (const [name, p] of Object.entries(zoneout)) {
      const part = name === "h" ? "h" : "c";
      const [before, after] = [values(old[part]), values(plain[part])];
      for (const [k, value] of values(mixed[part]).entries()) {
        expect(value).toBeCloseTo(p * before[k] + (1 - p) * after[k], 12);
      }
    }
    // Sequences step by step, not all at once, which knows no mixture.
    const layer = new ConvLSTM({ ...common, zoneout: 0.5, zoneoutInEvaluation: "expected" }).eval();
    const still = new ConvLSTM({ ...common }).eval();
    still.loadStateDict(layer.stateDict());
    const sequence = randn([3, 1, 2, 5, 5]);
    expect(values(layer.forward(sequence)[0][0])).not.toEqual(values(still.forward(sequence)[0][0]));
    expect(() => made({ zoneoutInEvaluation: "mean" as "off" })).toThrow(
      'ConvLSTMCell: zoneoutInEvaluation must be one of "off", "expected", got "mean"',
    );
  });
});

describe("the default generator", () => {
  const kinds = [ConvLSTM, ConvGRU, ConvRNN];
  const noise = [
    { inputDropout: 0.5 },
    { recurrentDropout: 0.5 },
    { zoneout: 0.5 },
    { layerDropout: 0.5, numLayers: 2 },
  ];
  it.each(kinds.flatMap((Kind) => noise.map((options) => [Kind, options] as const)))(
    "seeded anew, repeats what is random in a %o that is there already: %j",
    (Kind, options) => {
      const model = new Kind({ ...common, ...options });
      const x = randn([3, 2, 2, 4, 4]);
      const run = (): number[] => {
        manualSeed(7);
        return values(model.forward(x)[0][0]);
      };
      const first = run();
      expect(run()).toEqual(first);
      expect(values(model.forward(x)[0][0])).not.toEqual(first);
    },
  );
});

describe("noise drawn for a sequence", () => {
  const noisy = { inputDropout: 0.5, recurrentDropout: 0.5 };

  it("is the same for the sequence at once and in steps, and is off in evaluation", () => {
    const model = made(noisy);
    const x = randn([3, 2, 2, 4, 4]);
    const drawn = model.drawNoise(2, [4, 4]);
    const whole = values(model.forward(x, undefined, { noise: drawn })[0][0]);
    let states: LSTMState[] | undefined;
    const steps = x.unbind(0).flatMap((frame) => {
      const [[hidden], after] = model.step(frame, states, { noise: drawn });
      states = after;
      return values(hidden);
    });
    expect(steps).toEqual(whole);
    model.eval();
    const frame = x.select(0, 0);
    expect(values(model.step(frame, undefined, { noise: drawn })[0][0])).toEqual(values(model.step(frame)[0][0]));
  });

  it("is given to single cells too", () => {
    const cell = new ConvLSTMCell({ ...common, ...noisy });
    const x = randn([2, 2, 4, 4]);
    const masks = cell.drawMasks(2, [4, 4], [4, 4]);
    const first = values(cell.forward(x, undefined, masks).h);
    expect(values(cell.forward(x, undefined, masks).h)).toEqual(first);
    expect(values(cell.forward(x).h)).not.toEqual(first);
    cell.eval();
    expect(values(cell.forward(x, undefined, masks).h)).toEqual(values(cell.forward(x).h));
  });

  it("is refused for another batch, another size or another number of layers", () => {
    const model = made(noisy);
    const frame = randn([2, 2, 4, 4]);
    const step = (noise: ReturnType<typeof model.drawNoise>) => () => model.step(frame, undefined, { noise });
    expect(step(model.drawNoise(1, [4, 4]))).toThrow(
      "ConvLSTM.step: noise of layer 0 is [1,2,4,4] but this sequence needs [2,2,4,4]; draw it with drawNoise",
    );
    expect(step(model.drawNoise(2, [1, 1]))).toThrow("noise of layer 0 is [2,2,1,1] but");
    expect(step([])).toThrow("noise for 0 layers was given to 1");
  });
});
