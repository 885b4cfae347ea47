/*
 * Storages that nobody but the graph can reach any more: outputs that are a gradient rule's own, values recomputed for a checkpoint, and
 * what a scope left alive for the backward pass of a tensor that it returned. They are freed when the last saved value lets go of them.
 */
import type { Storage } from "@squall/device";

const uses = new WeakMap<Storage, number>();
let counting = true;

/** From now on the graph is all that holds this storage, if it was not so before. @param count - saved values that hold it already */
export function leaveToGraph(storage: Storage, count = 0): void {
  if (!uses.has(storage)) uses.set(storage, count);
}

/** As {@link leaveToGraph}, whatever was counted before. */
export function setGraphUses(storage: Storage, count: number): void {
  uses.set(storage, count);
}

/** Saved values, one by default, hold a storage. @returns whether they must let go of it again: not if their graph is never walked */
export function addGraphUse(storage: Storage, more = 1): boolean {
  const count = counting ? uses.get(storage) : undefined;
  if (count !== undefined) uses.set(storage, count + more);
  return counting;
}

/** A saved value lets go of a storage. @param free - called with it if that was the last one */
export function dropGraphUse(storage: Storage, free: (storage: Storage) => void): void {
  const count = uses.get(storage);
  if (count === undefined) return;
  uses.set(storage, count - 1);
  if (count <= 1) free(storage);
}

/** Runs `fn`, whose graph is never walked, so that what it saves holds nothing. */
export function withoutGraphUses<R>(fn: () => R): R {
  const before = counting;
  counting = false;
  try {
    return fn();
  } finally {
    counting = before;
  }
}
