import { disposeStorage, type Storage, storageScope } from "@squall/device";
import type { Tensor } from "../tensor.ts";

/**
 * What a backward pass makes and frees again as soon as nothing in the pass waits for it. Counts per storage, since several gradients may
 * be one storage; storages that the pass did not make are never counted, so never freed. On the cpu it never sees a storage.
 */
export class PassMemory {
  /** Gradients that wait, per storage that this pass made. */
  private readonly waiting = new Map<Storage, number>();
  /** What others have seen: it goes to the scope around the pass. */
  private readonly leaving = new Set<Storage>();
  private readonly active: boolean;

  /** @param active - false for a recorded pass, which keeps everything */
  constructor(active: boolean) {
    this.active = active;
  }

  /** Runs the whole pass; at its end only what left it lives on. */
  pass(walk: () => void): void {
    if (!this.active) walk();
    else storageScope(walk, () => this.leaving);
  }

  /** Runs one step of the pass. Of what it makes only the results stay. */
  step<R extends readonly (Tensor | undefined)[]>(fn: () => R): R {
    if (!this.active) return fn();
    return storageScope(fn, (results, made) => {
      const staying: Storage[] = [];
      for (const result of results) {
        if (result === undefined || !made.has(result.storage)) continue;
        staying.push(result.storage);
        this.waiting.set(result.storage, 0);
      }
      return staying;
    });
  }

  /** Runs code of the user's; whatever it makes leaves the pass. */
  outside<R>(fn: () => R): R {
    if (!this.active) return fn();
    return storageScope(fn, (_, made) => {
      for (const storage of made) this.leaving.add(storage);
      return made;
    });
  }

  /** Somebody outside may hold this tensor from now on. */
  leave({ storage }: Tensor): void {
    this.leaving.add(storage);
  }

  /** A gradient waits for its turn. */
  hold({ storage }: Tensor): void {
    const count = this.waiting.get(storage);
    if (count !== undefined) this.waiting.set(storage, count + 1);
  }

  /** A gradient has had its turn. */
  drop({ storage }: Tensor): void {
    const count = this.waiting.get(storage);
    if (count === undefined) return;
    this.waiting.set(storage, count - 1);
    if (count > 1) return;
    this.waiting.delete(storage);
    if (!this.leaving.has(storage)) disposeStorage(storage);
  }

  /** Whether a waiting gradient is all there is of its storage, so that a leaf can have it without a copy. */
  isAlone({ storage }: Tensor): boolean {
    return this.waiting.get(storage) === 1 && !this.leaving.has(storage);
  }

  /** A leaf has taken a waiting gradient. */
  forget({ storage }: Tensor): void {
    this.waiting.delete(storage);
  }
}
