import { AutogradError, disposeStorage, formatShape, keepStorage, storageScope } from "@squall/device";
import { type Generator, type GeneratorState, withDrawWatch } from "../create/generator.ts";
import { addGraphUse, dropGraphUse, leaveToGraph } from "../memory/graphUses.ts";
import { survivingScope } from "../memory/survivingScope.ts";
import { Tensor } from "../tensor.ts";
import { enableGrad, refusePromise } from "./mode.ts";
import type { Edge } from "./node.ts";
import { DirectSave, type SavedTensor, type SaveFrame, withSaveFrame } from "./saved.ts";

/** What two runs must agree on, for each saved value. */
function noteOf(op: string, { shape, dtype }: Tensor): string {
  return `${formatShape(shape)} ${dtype} for ${op}`;
}

/** Collects what a second run of the function saves, in order. */
class Collector implements SaveFrame {
  readonly tensors: Tensor[] = [];
  readonly notes: string[] = [];

  save(op: string, tensor: Tensor, owned: boolean): SavedTensor {
    this.tensors.push(tensor);
    this.notes.push(noteOf(op, tensor));
    if (owned) leaveToGraph(tensor.storage);
    return {
      holds: [],
      unpack: (): Tensor => {
        throw new AutogradError("checkpoint", "the recomputed graph is never walked itself");
      },
      release: (): void => {},
    };
  }
}

/** Stands for the values that a function saves, and runs it again when the first of them is needed. */
class Recomputed implements SaveFrame {
  private readonly rerun: () => unknown;
  private readonly inputs: readonly Tensor[];
  /** Generators that the function drew from, with their states before it did. */
  private readonly generators: Map<Generator, GeneratorState>;
  private readonly notes: string[] = [];
  private values: Map<number, Tensor> | undefined;

  constructor(rerun: () => unknown, inputs: readonly Tensor[], generators: Map<Generator, GeneratorState>) {
    this.rerun = rerun;
    this.inputs = inputs;
    this.generators = generators;
  }

  save(op: string, tensor: Tensor, owned: boolean): SavedTensor {
    const index = this.notes.push(noteOf(op, tensor)) - 1;
    const edge = tensor.edge();
    if (owned) disposeStorage(tensor.storage);
    const holds = this.inputs.map((input) => input.storage);
    for (const storage of holds) addGraphUse(storage);
    return {
      holds,
      unpack: (): Tensor => this.value(index, edge),
      release: (free): void => {
        const value = this.values?.get(index);
        this.values?.delete(index);
        if (value !== undefined) dropGraphUse(value.storage, free);
        for (const storage of holds) dropGraphUse(storage, free);
      },
    };
  }

  private value(index: number, edge: Edge | undefined): Tensor {
    this.values ??= this.recompute();
    let value = this.values.get(index);
    if (value === undefined) {
      this.values = this.recompute();
      value = this.values.get(index);
    }
    if (value === undefined) throw new AutogradError("checkpoint", `value ${index} was not computed again`);
    // The recomputed value takes the place of the first one in the first graph.
    const tensor = new Tensor(value.storage, value.shape);
    if (edge !== undefined) tensor.attach(edge);
    return tensor;
  }

  private recompute(): Map<number, Tensor> {
    const collector = new Collector();
    const now = [...this.generators.keys()].map((generator) => [generator, generator.getState()] as const);
    try {
      for (const [generator, state] of this.generators) generator.setState(state);
      storageScope(
        () => enableGrad(() => withSaveFrame(collector, this.rerun)),
        (_, made) => {
          for (const { storage } of collector.tensors) {
            if (!made.has(storage)) continue;
            // The last value to be released frees it; a graph that is walked again keeps it as long as what it was computed from.
            leaveToGraph(storage);
            keepStorage(storage, this.inputs[0]?.storage);
          }
          return [];
        },
      );
    } finally {
      for (const [generator, state] of now) generator.setState(state);
    }
    const [first, second] = [this.notes, collector.notes];
    if (first.length !== second.length) {
      throw new AutogradError(
        "checkpoint",
        `the function saved ${first.length} values at first and ${second.length} when run again; it must do the same whenever it is called`,
        { expected: first.length, got: second.length },
      );
    }
    const other = first.findIndex((note, k) => note !== second[k]);
    if (other >= 0) {
      throw new AutogradError(
        "checkpoint",
        `the function saved ${first[other]} at first and ${second[other]} when run again; it must do the same whenever it is called`,
        { expected: first[other], got: second[other] },
      );
    }
    for (const { storage } of collector.tensors) addGraphUse(storage);
    return new Map(collector.tensors.entries());
  }
}

/**
 * Trades time for memory: `fn` runs now, but the values that its backward pass will need are dropped and computed again, by a second
 * run, when that pass gets there. Gradients are the same. Random numbers drawn inside are drawn again from the same state.
 * Only tensors given as `inputs`, and leaves such as parameters, are kept; what `fn` makes and does not return is freed, as by
 * {@link scope}.
 *
 * Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
 * @param fn - must do the same each time; may use parameters from outside
 * @param inputs - its tensor arguments
 * @returns what `fn` returns
 * @throws AutogradError if `fn` is asynchronous, and in the backward pass if it does something else the second time.
 */
export function checkpoint<Inputs extends readonly Tensor[], R>(fn: (...inputs: Inputs) => R, ...inputs: Inputs): R {
  const kept = inputs.map((input) => new DirectSave("checkpoint", input));
  const generators = new Map<Generator, GeneratorState>();
  const rerun = (): R => {
    for (const input of kept) input.unpack();
    return fn(...inputs);
  };
  const frame = new Recomputed(rerun, inputs, generators);
  return survivingScope(() =>
    withDrawWatch(generators, () => withSaveFrame(frame, () => refusePromise("checkpoint", fn(...inputs)))),
  );
}
