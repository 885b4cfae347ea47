import { type Storage, storageScope } from "@squall/device";
import { countNodes, type Node } from "../autograd/node.ts";
import type { Tensor } from "../tensor.ts";
import { GraphMemory } from "./graphMemory.ts";
import { leaveToGraph } from "./graphUses.ts";
import { tensorsIn } from "./tensorsIn.ts";

/** How many saved values of the graphs behind `tensors` hold each storage. @param since - older nodes cannot hold any of them */
function savedBehind(tensors: Iterable<Tensor>, since: number): Map<Storage, number> {
  const counts = new Map<Storage, number>();
  const seen = new Set<Node>();
  const waiting: (Node | undefined)[] = [...tensors].map((tensor) => (tensor.isLeaf ? undefined : tensor.edge()?.node));
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (node === undefined || node.number < since || seen.has(node)) continue;
    seen.add(node);
    for (const { holds } of node.saved) {
      for (const storage of holds) counts.set(storage, (counts.get(storage) ?? 0) + 1);
    }
    for (const edge of node.edges) waiting.push(edge?.node);
  }
  return counts;
}

/**
 * Runs `fn` and frees what it made, save the tensors in what it returns and the values that their graphs saved.
 * @param look - is shown what it made, if it made anything
 */
export function survivingScope<R>(fn: () => R, look?: (made: ReadonlySet<Storage>) => void): R {
  const since = countNodes();
  return storageScope(fn, (result, made) => {
    look?.(made);
    const tensors = tensorsIn(result);
    const surviving = new Set<Storage>();
    for (const { storage } of tensors) surviving.add(storage);
    const saved: Storage[] = [];
    for (const [storage, count] of savedBehind(tensors, since)) {
      if (!made.has(storage) || surviving.has(storage)) continue;
      leaveToGraph(storage, count);
      saved.push(storage);
    }
    if (saved.length > 0) {
      const memory = new GraphMemory(saved);
      for (const tensor of tensors) if (!tensor.isLeaf) tensor.joinGraphMemory(memory);
    }
    return [...surviving, ...saved];
  });
}
