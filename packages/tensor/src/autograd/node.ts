import { AutogradError, formatShape, type Storage, sameShape } from "@squall/device";
import type { Tensor } from "../tensor.ts";
import type { SavedTensor } from "./saved.ts";

/** Looks at, and may replace, a gradient on its way back. */
export type GradientHook = (gradient: Tensor) => Tensor | undefined;

/** Where a gradient goes: one output of the node that made a tensor. */
export interface Edge {
  readonly node: Node;
  readonly index: number;
}

/** The backward pass of one recorded operation. */
export type BackwardFunction = (
  gradients: readonly (Tensor | undefined)[],
  needs: readonly boolean[],
) => readonly (Tensor | undefined)[];

let made = 0;

/** Number of nodes made so far: the {@link Node.number} of the next one. */
export function countNodes(): number {
  return made;
}

/** A hook, and whether it is the library's own, which keeps no hold of the gradient. */
export interface RegisteredHook {
  readonly call: GradientHook;
  readonly isOwn: boolean;
}

/** One recorded operation (or, with a `leaf`, the end of the line: a tensor that collects its gradient). */
export class Node {
  /** Counts up, so that what is older than a moment can be told. */
  readonly number: number = made++;
  /** Name of the operation. */
  readonly op: string;
  /** For each input, where its gradient goes; `undefined` if it needs none. */
  readonly edges: readonly (Edge | undefined)[];
  /** The tensor that collects, for a leaf. */
  readonly leaf: Tensor | undefined;
  /** Hooks per output. */
  readonly hooks: Map<number, RegisteredHook[]> = new Map();
  /** Values kept for the backward pass. */
  saved: readonly SavedTensor[] = [];
  private backward: BackwardFunction | undefined;
  private readonly inputShapes: readonly (readonly number[])[];

  constructor(op: string, inputs: readonly Tensor[], backward: BackwardFunction | undefined, leaf?: Tensor) {
    this.op = op;
    this.edges = inputs.map((input) => input.edge());
    this.inputShapes = inputs.map((input) => input.shape);
    this.backward = backward;
    this.leaf = leaf;
  }

  /** Adds a hook for the gradient of an output; returns the function that removes it. */
  addHook(index: number, call: GradientHook, isOwn = false): () => void {
    const hooks = this.hooks.get(index) ?? [];
    this.hooks.set(index, hooks);
    const hook = { call, isOwn };
    hooks.push(hook);
    return () => {
      const at = hooks.indexOf(hook);
      if (at >= 0) hooks.splice(at, 1);
    };
  }

  /** Gradients of the inputs from those of the outputs. */
  run(gradients: readonly (Tensor | undefined)[], needs: readonly boolean[]): readonly (Tensor | undefined)[] {
    if (this.backward === undefined) {
      throw new AutogradError(
        this.op,
        "backward through this graph a second time, but its saved values were freed after the first; pass retainGraph: true to the first",
      );
    }
    const results = this.backward(gradients, needs);
    for (const [k, result] of results.entries()) {
      const shape = this.inputShapes[k];
      if (result !== undefined && shape !== undefined && !sameShape(result.shape, shape)) {
        throw new AutogradError(
          this.op,
          `the gradient of input ${k} has shape ${formatShape(result.shape)} but the input has ${formatShape(shape)}`,
          { expected: shape, got: result.shape },
        );
      }
    }
    return results;
  }

  /** Drops everything that was saved. @param free - called with storages that nothing else holds */
  release(free: (storage: Storage) => void): void {
    this.backward = undefined;
    for (const saved of this.saved) saved.release(free);
    this.saved = [];
  }
}
