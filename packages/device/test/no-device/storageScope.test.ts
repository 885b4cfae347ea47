import { type Device, disposeStorage, keepStorage, type Storage, storageScope, trackStorage } from "@squall/device";
import fc from "fast-check";
import { expect, it } from "vitest";

/** Makes storages that remember whether they were disposed, on a device that can do nothing else. */
function counting(): { make: () => Storage; dead: Set<Storage> } {
  const dead = new Set<Storage>();
  const never = (): never => {
    throw new Error("scopes do nothing but dispose");
  };
  const device: Device = {
    name: "counting",
    get kernels() {
      return never();
    },
    dtypes: [],
    canReadSync: false,
    upload: never,
    read: never,
    readSync: never,
    dispose: (storage) => void dead.add(storage),
    sync: never,
    memory: never,
    describe: never,
  };
  const make = (): Storage => {
    const storage: Storage = { device, dtype: "float32", length: 1, version: 0 };
    trackStorage(storage);
    return storage;
  };
  return { make, dead };
}

it("what is made in a scope dies with it, what escapes lives in the scope around, what is made outside is left alone", () => {
  const { make, dead } = counting();
  const outside = make();
  const [a, b, c] = storageScope(
    () => {
      const first = make();
      const [second, third] = storageScope(
        () => [make(), make(), outside] as const,
        ([x, , z]) => [x, z],
      );
      expect([dead.has(second), dead.has(third)]).toEqual([false, true]);
      return [first, second, third] as const;
    },
    ([x]) => [x],
  );
  expect([dead.has(a), dead.has(b), dead.has(c), dead.has(outside)]).toEqual([false, true, true, false]);
});

it("a scope whose function throws frees everything, and scopes go on working", () => {
  const { make, dead } = counting();
  const made: Storage[] = [];
  const failing = (): void => {
    made.push(make());
    throw new RangeError("no");
  };
  expect(() => storageScope(failing, () => made)).toThrow(RangeError);
  expect(dead.size).toBe(1);
  trackStorage(make());
  expect(dead.size).toBe(1);
});

it("is not asked what escapes if nothing was made", () => {
  const asked = storageScope(
    () => 3,
    () => {
      throw new Error("asked");
    },
  );
  expect(asked).toBe(3);
});

it("keepStorage takes a storage out of all scopes, or to where another lives, but never into an earlier death", () => {
  const { make, dead } = counting();
  const [kept, like, same, early] = storageScope(
    () => {
      const owner = make();
      const inner = storageScope(
        () => {
          const [free, follower, own] = [make(), make(), make()];
          expect([keepStorage(free), keepStorage(follower, owner), keepStorage(owner, own)]).toEqual([
            true,
            true,
            true,
          ]);
          expect(keepStorage(free)).toBe(false);
          return [free, follower, own] as const;
        },
        () => [],
      );
      expect(inner.map((storage) => dead.has(storage))).toEqual([false, false, true]);
      expect(dead.has(owner)).toBe(false);
      return [inner[0], inner[1], owner, inner[2]] as const;
    },
    () => [],
  );
  expect([kept, like, same, early].map((storage) => dead.has(storage))).toEqual([false, true, true, true]);
});

it("disposeStorage frees at once, and once", () => {
  const { make, dead } = counting();
  storageScope(
    () => {
      const storage = make();
      disposeStorage(storage);
      expect(dead.has(storage)).toBe(true);
      dead.clear();
    },
    () => [],
  );
  expect(dead.size).toBe(0);
});

it("nested scopes free exactly what does not escape, whatever the nesting", () => {
  interface Plan {
    readonly own: readonly boolean[];
    readonly children: readonly Plan[];
  }
  const plan: fc.Memo<Plan> = fc.memo((depth) =>
    fc.record({
      own: fc.array(fc.boolean(), { maxLength: 4 }),
      children: depth > 1 ? fc.array(plan(depth - 1), { maxLength: 3 }) : fc.constant([]),
    }),
  );
  fc.assert(
    fc.property(plan(4), (root) => {
      const { make, dead } = counting();
      // A storage lives on if each scope on the way lets it out: own storages by their flag, children's always.
      const run = ({ own, children }: Plan): Storage[] =>
        storageScope(
          () => {
            const escaped = children.flatMap(run);
            const mine = own.map((out) => ({ out, storage: make() }));
            for (const storage of escaped) expect(dead.has(storage)).toBe(false);
            return [...escaped, ...mine.filter(({ out }) => out).map(({ storage }) => storage)];
          },
          (storages) => storages,
        );
      const count = (flag: boolean, { own, children }: Plan): number =>
        own.filter((out) => out === flag).length + children.reduce((sum, child) => sum + count(flag, child), 0);
      const alive = run(root);
      expect(alive).toHaveLength(count(true, root));
      expect(alive.some((storage) => dead.has(storage))).toBe(false);
      expect(dead.size).toBe(count(false, root));
    }),
  );
});
