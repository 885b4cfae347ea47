/*
 * Who frees the storages of devices whose memory is not the garbage collector's: each belongs to the innermost scope that it was made in,
 * and dies with it unless it escapes. Devices that nobody counts (the cpu) never track, so their scopes stay empty and cost next to nothing.
 */
import type { Storage } from "./storage.ts";

interface Scope {
  readonly outer: Scope | undefined;
  readonly depth: number;
  /** What would die with it; made when there is something. */
  storages: Set<Storage> | undefined;
}

let current: Scope | undefined;

function add(scope: Scope | undefined, storage: Storage): void {
  if (scope === undefined) return;
  scope.storages ??= new Set();
  scope.storages.add(storage);
}

function scopeOf(storage: Storage): Scope | undefined {
  for (let scope = current; scope !== undefined; scope = scope.outer) {
    if (scope.storages?.has(storage) === true) return scope;
  }
  return undefined;
}

/** Hands a storage to the innermost scope, if there is one. A device that counts its storages calls it for each one that it makes. */
export function trackStorage(storage: Storage): void {
  add(current, storage);
}

/** Whether a scope that is running would free this storage. */
export function isInScope(storage: Storage): boolean {
  return current !== undefined && scopeOf(storage) !== undefined;
}

/**
 * Makes a storage outlive the scope that it belongs to.
 * @param like - it then belongs to the scope of this storage, if that ends later; left out, to none
 * @returns whether any scope would have freed it
 */
export function keepStorage(storage: Storage, like?: Storage): boolean {
  const from = scopeOf(storage);
  if (from === undefined) return false;
  const to = like === undefined ? undefined : scopeOf(like);
  if (to !== undefined && to.depth >= from.depth) return true;
  from.storages?.delete(storage);
  add(to, storage);
  return true;
}

/** Frees a storage now, so that no scope need remember it. */
export function disposeStorage(storage: Storage): void {
  scopeOf(storage)?.storages?.delete(storage);
  storage.device.dispose(storage);
}

/**
 * Runs `fn` in a scope and frees everything that was made in it, save what escapes to the scope around. If `fn` throws, nothing escapes.
 * @param escaping - picks what lives on, given the result and what was made; not called if nothing was
 * @returns what `fn` returned
 */
export function storageScope<R>(
  fn: () => R,
  escaping: (result: R, made: ReadonlySet<Storage>) => Iterable<Storage>,
): R {
  const outer = current;
  const scope: Scope = { outer, depth: outer === undefined ? 0 : outer.depth + 1, storages: undefined };
  current = scope;
  try {
    const result = fn();
    if (scope.storages !== undefined) {
      for (const storage of [...escaping(result, scope.storages)]) {
        if (scope.storages.delete(storage)) add(outer, storage);
      }
    }
    return result;
  } finally {
    current = outer;
    if (scope.storages !== undefined) for (const storage of scope.storages) storage.device.dispose(storage);
  }
}
