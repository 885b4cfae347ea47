// One device: the CPU, in float64. What loading does to the states that layers carry from call to call.
import { Bidirectional, ConvLSTM, type ConvLSTMOptions, Module, type StateDict } from "@squall/nn";
import { cat, Generator, noGrad, randn, type Tensor } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomise } from "./convlstmArbitrary.ts";
import { expectClose } from "./expectClose.ts";

const common: ConvLSTMOptions = {
  inputChannels: 1,
  hiddenChannels: [2, 1],
  kernelSize: 3,
  stateful: true,
  saveState: true,
  dtype: "float64",
};

const frames = (seed: number): Tensor => randn([2, 2, 1, 3, 2], { dtype: "float64", generator: new Generator(seed) });

/** Something with stateful layers. */
interface Streaming {
  readonly model: Module;
  readonly layers: readonly ConvLSTM[];
  /** Outputs of the next call. */
  readonly next: (x: Tensor) => Tensor[];
}

class TwoBranches extends Module {
  readonly left: ConvLSTM;
  readonly right: ConvLSTM;
  constructor(left: ConvLSTM, right: ConvLSTM) {
    super();
    this.left = left;
    this.right = right;
  }
}

function streaming(kind: "one" | "bidirectional" | "two", options: Partial<ConvLSTMOptions>, seed: number): Streaming {
  const layers: ConvLSTM[] = [];
  const make = (more: Partial<ConvLSTMOptions>): ConvLSTM => {
    const layer = new ConvLSTM({ ...common, ...options, ...more });
    layers.push(layer);
    return layer;
  };
  const built = (): { model: Module; next: (x: Tensor) => Tensor[] } => {
    if (kind === "bidirectional") {
      const model = new Bidirectional(make);
      return { model, next: (x) => model.forward(x)[0] };
    }
    if (kind === "two") {
      const model = new TwoBranches(make({}), make({ hiddenChannels: 3 }));
      return { model, next: (x) => [model.left, model.right].flatMap((layer) => layer.forward(x)[0]) };
    }
    const model = make({});
    return { model, next: (x) => model.forward(x)[0] };
  };
  const { model, next } = built();
  randomise(model, new Generator(seed));
  return { model, layers, next: (x) => noGrad(() => next(x)) };
}

/** What may happen to a model before it is saved or loaded. */
type Event =
  | { readonly call: number }
  | { readonly learn: number }
  | { readonly layer: number; readonly mask?: boolean[] };

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    fc.record({ call: fc.nat() }),
    fc.record({ learn: fc.nat() }),
    fc.record(
      { layer: fc.nat(1), mask: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }) },
      { requiredKeys: ["layer"] },
    ),
  ),
  { maxLength: 5 },
);

function live({ model, layers, next }: Streaming, history: readonly Event[]): void {
  for (const event of history) {
    if ("call" in event) next(frames(event.call));
    else if ("learn" in event) randomise(model, new Generator(event.learn));
    else {
      const layer = layers[event.layer % layers.length];
      // A mask refers to the batch of the last call.
      if (event.mask === undefined || layer?.carriedStates !== undefined) layer?.resetState(event.mask);
    }
  }
}

function copied(stateDict: StateDict): StateDict {
  return Object.fromEntries(Object.entries(stateDict).map(([name, value]) => [name, value.clone()]));
}

describe("loading a state dict with saved states", () => {
  it("makes a model go on as the one saved, whatever either did before: calls, resets of all or of samples, training", () => {
    const property = fc.property(
      fc.constantFrom("one" as const, "bidirectional" as const, "two" as const),
      fc.boolean(),
      events,
      events,
      fc.nat(),
      (kind, learnedInitialState, before, other, seed) => {
        const [saved, loaded] = [
          streaming(kind, { learnedInitialState }, 1),
          streaming(kind, { learnedInitialState }, 2),
        ];
        live(saved, before);
        live(loaded, other);
        expect(loaded.model.loadStateDict(copied(saved.model.stateDict()))).toEqual({ missing: [], unexpected: [] });
        for (const k of [0, 1]) expectClose(loaded.next(frames(seed + k)), saved.next(frames(seed + k)), 1e-14);
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  it("forgets states where it has none, as before the first call, module by module", () => {
    const { model, layers, next } = streaming("bidirectional", {}, 1);
    const fresh = copied(model.stateDict());
    expect(Object.keys(fresh).some((name) => name.includes("states"))).toBe(false);
    const before = next(frames(1));
    layers[0]?.resetState([true, false]);
    model.loadStateDict(fresh);
    expect(layers.map(({ carriedStates }) => carriedStates)).toEqual([undefined, undefined]);
    expectClose(next(frames(1)), before, 1e-15);

    layers[1]?.resetState();
    const half = copied(model.stateDict());
    next(frames(2));
    model.loadStateDict(half);
    expect(layers.map(({ carriedStates }) => carriedStates?.length)).toEqual([2, undefined]);
    // States of another batch are no obstacle to what comes after.
    model.loadStateDict(fresh);
    expect(next(randn([1, 3, 1, 5, 5], { dtype: "float64" }))[0]?.shape).toEqual([1, 3, 2, 5, 5]);
  });

  it("changes nothing if anything does not fit", () => {
    const { model, layers, next } = streaming("two", {}, 1);
    const fresh = copied(model.stateDict());
    next(frames(1));
    const before = copied(model.stateDict());
    const unchanged = (): void => {
      const after = model.stateDict();
      expect(Object.keys(after)).toEqual(Object.keys(before));
      const values = (stateDict: StateDict): unknown[] => Object.values(stateDict).map((value) => value.toArray());
      expect(values(after)).toEqual(values(before));
    };
    const { "left.cells.0.bias": bias, ...less } = fresh;
    if (bias === undefined) throw new Error("there is a bias");
    expect(() => model.loadStateDict(less)).toThrow("missing: left.cells.0.bias");
    unchanged();
    const { "left.states.0.h": state } = before;
    if (state === undefined) throw new Error("there is a state");
    expect(() => model.loadStateDict({ ...fresh, "left.states.0.h": state })).toThrow(
      "states are loaded whole, but there is no left.states.0.c, left.states.1.h, left.states.1.c",
    );
    unchanged();
    expect(layers.every(({ carriedStates }) => carriedStates !== undefined)).toBe(true);
  });

  it("leaves them with strict: false, and says so", () => {
    const { model, layers, next } = streaming("one", {}, 1);
    const fresh = copied(model.stateDict());
    next(frames(1));
    expect(model.loadStateDict(fresh, { strict: false })).toEqual({
      missing: ["states.0.h", "states.0.c", "states.1.h", "states.1.c"],
      unexpected: [],
    });
    expect(layers[0]?.carriedStates?.length).toBe(2);
  });

  it("leaves states that are not saved", () => {
    const { model, layers, next } = streaming("one", { saveState: false }, 1);
    next(frames(1));
    expect(model.loadStateDict(copied(model.stateDict()))).toEqual({ missing: [], unexpected: [] });
    expect(layers[0]?.carriedStates?.length).toBe(2);
  });
});

describe("states that do not go together", () => {
  it("are refused when they are loaded, and change nothing", () => {
    const { model, next } = streaming("one", {}, 1);
    next(frames(1));
    const states = model.stateDict();
    const before = JSON.stringify(Object.values(states).map((each) => each.toArray()));
    const longer = (name: string): Tensor => cat([states[name], states[name].narrow(0, 0, 1)]);
    expect(() => model.loadStateDict({ ...states, "states.0.c": longer("states.0.c") })).toThrow(
      "states.0.c: has shape [3,2,3,2] but states.0.h has [2,2,3,2]",
    );
    const other = { "states.1.h": longer("states.1.h"), "states.1.c": longer("states.1.c") };
    expect(() => model.loadStateDict({ ...states, ...other })).toThrow(
      "states.1.h: is of a batch of 3 but states.0.h of 2",
    );
    expect(JSON.stringify(Object.values(model.stateDict()).map((each) => each.toArray()))).toBe(before);
  });

  it.each<[unknown, string]>([
    ["ab", 'the mask must be an array, got "ab"'],
    [[0, 2], "the mask must hold true, false, 1 or 0, got 2"],
    [[true], "the mask has 1 values but the carried states are of a batch of 2"],
  ])("a mask of %j resets none", (mask, message) => {
    const { layers, next } = streaming("one", {}, 1);
    next(frames(1));
    const before = layers[0].carriedStates?.map(({ c }) => c.toArray());
    // @ts-expect-error no mask
    expect(() => layers[0].resetState(mask)).toThrow(message);
    expect(layers[0].carriedStates?.map(({ c }) => c.toArray())).toEqual(before);
  });
});

describe("learned states of samples that were reset", () => {
  it("get their gradients after a move, too", () => {
    for (const move of [false, true]) {
      const { model, layers, next } = streaming("one", { learnedInitialState: true, dtype: "float32" }, 1);
      next(frames(1).to("float32"));
      layers[0].resetState([true, false]);
      if (move) model.to("float64");
      const x = move ? frames(2) : frames(2).to("float32");
      layers[0].forward(x)[0][0].square().sum().backward();
      expect(layers[0].cells.at(0).learnedState?.grad?.abs().max().itemSync()).toBeGreaterThan(0);
    }
  });
});
