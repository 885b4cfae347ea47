import { AutogradError, disposeStorage, formatShape, sameShape } from "@squall/device";
import type { Tensor } from "../tensor.ts";
import { checkFinite, isAnomalyModeEnabled, withoutAnomalyChecks } from "./anomaly.ts";
import { enableGrad, noGrad } from "./mode.ts";
import type { Edge, Node } from "./node.ts";
import { PassMemory } from "./passMemory.ts";

/** How a backward pass is run. */
export interface BackwardOptions {
  /** Keep saved values, so that the same graph can be walked again. Default: the value of `createGraph`. */
  readonly retainGraph?: boolean;
  /** Record the backward pass itself, so that gradients can be differentiated. Default false. */
  readonly createGraph?: boolean;
}

/** Where a pass starts, and what makes the gradient that it starts with (or finds the user's). */
export interface BackwardRoot {
  readonly edge: Edge;
  readonly start: () => Tensor;
}

/** What a pass collects: given an edge, the function that takes the finished gradient. */
export type Targets = Map<Node, Map<number, (gradient: Tensor) => void>>;

/** All nodes reachable from the roots, users before what they used. Each node and edge is looked at once. */
function topologicalOrder(roots: readonly Edge[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  for (const root of roots) {
    if (seen.has(root.node)) continue;
    seen.add(root.node);
    // An explicit stack: sequences make graphs far deeper than the call stack.
    const stack: { node: Node; next: number }[] = [{ node: root.node, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const edge = top.node.edges[top.next];
      if (top.next >= top.node.edges.length) {
        order.push(top.node);
        stack.pop();
      } else {
        top.next++;
        if (edge !== undefined && !seen.has(edge.node)) {
          seen.add(edge.node);
          stack.push({ node: edge.node, next: 0 });
        }
      }
    }
  }
  return order.reverse();
}

/** The nodes on some path from a root to a target; `undefined` targets mean every leaf. */
function neededNodes(order: readonly Node[], targets: Targets | undefined): Set<Node> {
  const needed = new Set<Node>();
  for (const node of order.toReversed()) {
    const isTarget = targets === undefined ? node.leaf !== undefined : targets.has(node);
    if (isTarget || node.edges.some((edge) => edge !== undefined && needed.has(edge.node))) needed.add(node);
  }
  return needed;
}

function applyHooks(node: Node, gradients: (Tensor | undefined)[], memory: PassMemory): void {
  for (const [index, hooks] of node.hooks) {
    for (const { call, isOwn } of [...hooks]) {
      const gradient = gradients[index];
      if (gradient === undefined) continue;
      if (isOwn) {
        memory.outside(() => call(gradient));
        continue;
      }
      memory.leave(gradient);
      const replaced = memory.outside(() => call(gradient)) ?? gradient;
      memory.leave(replaced);
      if (!sameShape(replaced.shape, gradient.shape)) {
        throw new AutogradError(
          "registerHook",
          `the hook returned a gradient of shape ${formatShape(replaced.shape)} for one of shape ${formatShape(gradient.shape)}`,
          { expected: gradient.shape, got: replaced.shape },
        );
      }
      gradients[index] = replaced;
    }
  }
}

/**
 * Walks the graph from `roots` back, each node once, and hands finished gradients to `targets` (default: to the leaves, which add them to
 * their `.grad`). Linear in nodes and edges. Unless it is recorded, what it makes on the way is freed on the way.
 */
export function runBackward(roots: readonly BackwardRoot[], options: BackwardOptions, targets?: Targets): void {
  const createGraph = options.createGraph ?? false;
  const retainGraph = options.retainGraph ?? createGraph;
  const order = topologicalOrder(roots.map((root) => root.edge));
  const needed = neededNodes(order, targets);
  const pending = new Map<Node, (Tensor | undefined)[]>();
  const memory = new PassMemory(!createGraph);

  const send = ({ node, index }: Edge, gradient: Tensor): void => {
    const gradients = pending.get(node) ?? [];
    pending.set(node, gradients);
    const known = gradients[index];
    if (known === undefined) {
      memory.hold(gradient);
      gradients[index] = gradient;
      return;
    }
    const [sum] = memory.step(() => [known.add(gradient)] as const);
    memory.hold(sum);
    gradients[index] = sum;
    memory.drop(known);
  };

  const arrive = (node: Node, gradients: (Tensor | undefined)[]): void => {
    applyHooks(node, gradients, memory);
    const takers = targets?.get(node);
    for (const [index, gradient] of gradients.entries()) {
      const take = takers?.get(index);
      if (gradient === undefined || take === undefined) continue;
      memory.leave(gradient);
      take(gradient);
    }
    if (node.leaf !== undefined) {
      const [gradient] = gradients;
      if (targets !== undefined || gradient === undefined) return;
      const { leaf } = node;
      // A gradient that it lets go of may be the user's.
      const taken = memory.outside(() => leaf.accumulateGrad(gradient, createGraph, memory.isAlone(gradient)));
      if (taken) memory.forget(gradient);
      return;
    }
    const needs = node.edges.map((edge) => edge !== undefined && needed.has(edge.node));
    if (!needs.includes(true)) return;
    const results = memory.step(() => withoutAnomalyChecks(() => node.run(gradients, needs)));
    // Until all of them are sent, since some may be one storage.
    for (const result of results) if (result !== undefined) memory.hold(result);
    for (const [k, edge] of node.edges.entries()) {
      const result = results[k];
      if (edge === undefined || result === undefined || !needs[k]) continue;
      if (isAnomalyModeEnabled())
        checkFinite(
          `${node.op} (gradient of input ${k})`,
          gradients.filter((g) => g !== undefined),
          [result],
        );
      send(edge, result);
    }
    for (const result of results) if (result !== undefined) memory.drop(result);
    if (retainGraph) return;
    node.release((storage) => {
      // A rule may give back a saved value as a gradient; and a recorded pass may have saved it again.
      if (!createGraph && !results.some((result) => result?.storage === storage)) disposeStorage(storage);
    });
  };

  const visit = (node: Node): void => {
    const gradients = pending.get(node);
    if (gradients === undefined || !needed.has(node)) return;
    pending.delete(node);
    arrive(node, gradients);
    for (const gradient of gradients) if (gradient !== undefined) memory.drop(gradient);
  };

  const walk = (): void => {
    for (const { edge, start } of roots) {
      const [gradient] = memory.step(() => [start()] as const);
      send(edge, gradient);
    }
    for (const node of order) visit(node);
  };
  memory.pass(() => (createGraph ? enableGrad(walk) : noGrad(walk)));
}
