import { AutogradError, type Storage } from "@squall/device";
import type { Tensor } from "../tensor.ts";

/** A value kept from the forward pass for the backward pass. */
export interface SavedTensor {
  /** The value as it was, connected to the graph as it was. */
  unpack(): Tensor;
  /** It will not be asked for again. */
  release(): void;
}

/** Something that keeps saved values in its own way; a checkpoint does. */
export interface SaveFrame {
  save(op: string, tensor: Tensor): SavedTensor;
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

/** Keeps the value itself and refuses to give it back if it was overwritten meanwhile. */
export class DirectSave implements SavedTensor {
  private readonly op: string;
  private readonly tensor: Tensor;
  private readonly storage: Storage;
  private readonly version: number;
  private readonly owned: boolean;

  constructor(op: string, tensor: Tensor, owned: boolean) {
    this.op = op;
    this.owned = owned;
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

  release(): void {
    if (this.owned) this.storage.device.dispose(this.storage);
  }
}

/** Saves a value for the backward pass of `op`. @param owned - whether nobody else sees it, so that it can be disposed when it is released */
export function saveTensor(op: string, tensor: Tensor, owned: boolean): SavedTensor {
  // A leaf is held by its owner anyway, so no frame gains anything by dropping it.
  return frame === undefined || tensor.isLeaf ? new DirectSave(op, tensor, owned) : frame.save(op, tensor);
}
