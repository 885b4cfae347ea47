import { AutogradError, type Storage } from "@squall/device";
import { addGraphUse, dropGraphUse, leaveToGraph } from "../memory/graphUses.ts";
import type { Tensor } from "../tensor.ts";

/** A value kept from the forward pass for the backward pass. */
export interface SavedTensor {
  /** The value as it was, connected to the graph as it was. */
  unpack(): Tensor;
  /** Storages that must live on for it. */
  readonly holds: readonly Storage[];
  /** It will not be asked for again. @param free - called with storages that nothing else holds */
  release(free: (storage: Storage) => void): void;
}

/** Something that keeps saved values in its own way; a checkpoint does. */
export interface SaveFrame {
  /** @param owned - whether nobody but the gradient rule of `op` ever sees it */
  save(op: string, tensor: Tensor, owned: boolean): SavedTensor;
  /** An operation reads these. */
  read(storages: readonly Storage[]): void;
}

let frame: SaveFrame | undefined;

/** Runs `fn` with saved values kept by `inner`. */
export function withSaveFrame<R>(inner: SaveFrame | undefined, fn: () => R): R {
  const before = frame;
  frame = inner;
  try {
    return fn();
  } finally {
    frame = before;
  }
}

/** Tells whatever keeps saved values in its own way what an operation reads. */
export function noteReads(storages: readonly Storage[]): void {
  frame?.read(storages);
}

/** Whether anything wants to be told by {@link noteReads}. */
export function hasSaveFrame(): boolean {
  return frame !== undefined;
}

/** Keeps the value itself and refuses to give it back if it was overwritten meanwhile. */
export class DirectSave implements SavedTensor {
  private readonly op: string;
  private readonly tensor: Tensor;
  private readonly storage: Storage;
  private readonly version: number;
  private readonly counts: boolean;

  /** @param counts - whether it is counted as a use of the storage */
  constructor(op: string, tensor: Tensor, counts: boolean) {
    this.op = op;
    this.counts = counts;
    this.tensor = tensor;
    this.storage = tensor.storage;
    this.version = tensor.storage.version;
  }

  unpack(): Tensor {
    if (this.tensor.storage !== this.storage || this.storage.version !== this.version) {
      throw new AutogradError(
        this.op,
        `${this.tensor} was saved for the backward pass but has been changed in place since; run backward before changing it, or change a clone`,
        { expected: this.version, got: this.tensor.storage.version },
      );
    }
    return this.tensor;
  }

  get holds(): readonly Storage[] {
    return [this.storage];
  }

  release(free: (storage: Storage) => void): void {
    if (this.counts) dropGraphUse(this.storage, free);
  }
}

/** Saves a value for the backward pass of `op`. @param owned - whether nobody else sees it, so that it can be freed when it is released */
export function saveTensor(op: string, tensor: Tensor, owned: boolean): SavedTensor {
  // A leaf is held by its owner anyway, so no frame gains anything by dropping it.
  if (frame !== undefined && !tensor.isLeaf) return frame.save(op, tensor, owned);
  if (owned) leaveToGraph(tensor.storage);
  return new DirectSave(op, tensor, addGraphUse(tensor.storage));
}
