import {
  AutogradError,
  disposeStorage,
  formatShape,
  isInScope,
  keepStorage,
  type Storage,
  storageScope,
} from "@squall/device";
import { type Generator, type GeneratorState, withDrawWatch } from "../create/generator.ts";
import { addGraphUse, dropGraphUse, leaveToGraph, setGraphUses, withoutGraphUses } from "../memory/graphUses.ts";
import { survivingScope } from "../memory/survivingScope.ts";
import { Tensor } from "../tensor.ts";
import { enableGrad, refusePromise } from "./mode.ts";
import type { Edge } from "./node.ts";
import { DirectSave, noteReads, type SavedTensor, type SaveFrame, withSaveFrame } from "./saved.ts";

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
      holds: [tensor.storage],
      unpack: (): Tensor => {
        throw new AutogradError("checkpoint", "the recomputed graph is never walked itself");
      },
      release: (): void => {},
    };
  }

  read(): void {}
}

/** Stands for the values that a function saves, and runs it again when the first of them is needed. */
class Recomputed implements SaveFrame {
  private readonly rerun: () => unknown;
  /** What the first run read of the scopes around it; the second run needs it too. */
  private outside: readonly Storage[];
  private readonly reads = new Set<Storage>();
  private counts = false;
  /** Generators that the function drew from, with their states before it did. */
  private readonly generators: Map<Generator, GeneratorState>;
  private readonly notes: string[] = [];
  private values: Map<number, Tensor> | undefined;
  /** Storages that the second run made. */
  private readonly fresh = new WeakSet<Storage>();

  constructor(rerun: () => unknown, inputs: readonly Tensor[], generators: Map<Generator, GeneratorState>) {
    this.rerun = rerun;
    this.outside = inputs.map((input) => input.storage);
    this.generators = generators;
  }

  save(op: string, tensor: Tensor, owned: boolean): SavedTensor {
    const index = this.notes.push(noteOf(op, tensor)) - 1;
    const edge = tensor.edge();
    if (owned) disposeStorage(tensor.storage);
    const holds = (): readonly Storage[] => this.outside;
    return {
      get holds() {
        return holds();
      },
      unpack: (): Tensor => this.value(index, edge),
      release: (free): void => {
        const value = this.values?.get(index);
        this.values?.delete(index);
        if (value !== undefined && this.fresh.has(value.storage)) dropGraphUse(value.storage, free);
        if (this.counts) for (const storage of this.outside) dropGraphUse(storage, free);
      },
    };
  }

  read(storages: readonly Storage[]): void {
    for (const storage of storages) if (isInScope(storage)) this.reads.add(storage);
  }

  /** The first run is over. @param made - in it @returns what else the second run will need */
  close(made: ReadonlySet<Storage>): readonly Storage[] {
    for (const storage of this.outside) this.reads.add(storage);
    this.outside = [...this.reads].filter((storage) => !made.has(storage));
    this.reads.clear();
    for (const storage of this.outside) this.counts = addGraphUse(storage, this.notes.length);
    return this.outside;
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
        () => withoutGraphUses(() => enableGrad(() => withSaveFrame(collector, this.rerun))),
        (_, made) => {
          const counts = new Map<Storage, number>();
          for (const { storage } of collector.tensors) {
            if (made.has(storage)) counts.set(storage, (counts.get(storage) ?? 0) + 1);
          }
          for (const [storage, count] of counts) {
            // The last value to be released frees it; a graph that is walked again keeps it as long as what it was computed from.
            this.fresh.add(storage);
            setGraphUses(storage, count);
            keepStorage(storage, this.outside[0]);
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
  const kept = inputs.map((input) => new DirectSave("checkpoint", input, false));
  const generators = new Map<Generator, GeneratorState>();
  const rerun = (): R => {
    for (const input of kept) input.unpack();
    return fn(...inputs);
  };
  const frame = new Recomputed(rerun, inputs, generators);
  let reads: readonly Storage[] | undefined;
  const result = survivingScope(
    () => withDrawWatch(generators, () => withSaveFrame(frame, () => refusePromise("checkpoint", fn(...inputs)))),
    (made) => {
      reads = frame.close(made);
    },
  );
  // A checkpoint around this one has to run it again.
  noteReads(reads ?? frame.close(new Set()));
  return result;
}
