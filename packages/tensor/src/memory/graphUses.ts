/*
 * Storages that nobody but the graph can reach any more: outputs that are a gradient rule's own, values recomputed for a checkpoint, and
 * what a scope left alive for the backward pass of a tensor that it returned. They are freed when the last saved value lets go of them.
 */
import type { Storage } from "@squall/device";

const uses = new WeakMap<Storage, number>();

/** From now on the graph is all that holds this storage. @param count - saved values that hold it already */
export function leaveToGraph(storage: Storage, count = 0): void {
  if (!uses.has(storage)) uses.set(storage, count);
}

/** A saved value holds a storage. */
export function addGraphUse(storage: Storage): void {
  const count = uses.get(storage);
  if (count !== undefined) uses.set(storage, count + 1);
}

/** A saved value lets go of a storage. @param free - called with it if that was the last one */
export function dropGraphUse(storage: Storage, free: (storage: Storage) => void): void {
  const count = uses.get(storage);
  if (count === undefined) return;
  uses.set(storage, count - 1);
  if (count <= 1) free(storage);
}
