import { AutogradError, formatShape, sameShape } from "@squall/device";
import type { Tensor } from "../tensor.ts";
import { checkFinite, isAnomalyModeEnabled, withoutAnomalyChecks } from "./anomaly.ts";
import { enableGrad, noGrad } from "./mode.ts";
import type { Edge, Node } from "./node.ts";

/** How a backward pass is run. */
export interface BackwardOptions {
  /** Keep saved values, so that the same graph can be walked again. Default: the value of `createGraph`. */
  readonly retainGraph?: boolean;
  /** Record the backward pass itself, so that gradients can be differentiated. Default false. */
  readonly createGraph?: boolean;
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

function applyHooks(node: Node, gradients: (Tensor | undefined)[]): void {
  for (const [index, hooks] of node.hooks) {
    for (const hook of [...hooks]) {
      const gradient = gradients[index];
      if (gradient === undefined) continue;
      const replaced = hook(gradient) ?? gradient;
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
 * their `.grad`). Linear in nodes and edges.
 */
export function runBackward(
  roots: readonly { readonly edge: Edge; readonly gradient: Tensor }[],
  options: BackwardOptions,
  targets?: Targets,
): void {
  const createGraph = options.createGraph ?? false;
  const retainGraph = options.retainGraph ?? createGraph;
  const order = topologicalOrder(roots.map((root) => root.edge));
  const needed = neededNodes(order, targets);
  const pending = new Map<Node, (Tensor | undefined)[]>();

  const send = ({ node, index }: Edge, gradient: Tensor): void => {
    const gradients = pending.get(node) ?? [];
    pending.set(node, gradients);
    const known = gradients[index];
    gradients[index] = known === undefined ? gradient : known.add(gradient);
  };

  const visit = (node: Node): void => {
    const gradients = pending.get(node);
    if (gradients === undefined || !needed.has(node)) return;
    pending.delete(node);
    applyHooks(node, gradients);
    const takers = targets?.get(node);
    for (const [index, gradient] of gradients.entries()) if (gradient !== undefined) takers?.get(index)?.(gradient);
    if (node.leaf !== undefined) {
      const [gradient] = gradients;
      if (targets === undefined && gradient !== undefined) node.leaf.accumulateGrad(gradient, createGraph);
      return;
    }
    const needs = node.edges.map((edge) => edge !== undefined && needed.has(edge.node));
    if (!needs.includes(true)) return;
    const results = withoutAnomalyChecks(() => node.run(gradients, needs));
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
    if (!retainGraph) node.release();
  };

  const walk = (): void => {
    for (const { edge, gradient } of roots) send(edge, gradient);
    for (const node of order) visit(node);
  };
  if (createGraph) enableGrad(walk);
  else noGrad(walk);
}
