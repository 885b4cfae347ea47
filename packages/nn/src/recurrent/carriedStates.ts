import {
  ArgumentError,
  formatShape,
  keepStorage,
  type Shape,
  ShapeError,
  sameShape,
  trackStorage,
} from "@squall/device";
import { keep, noGrad, type Tensor } from "@squall/tensor";
import { at } from "../at.ts";
import type { CarriedTensor } from "../module/module.ts";
import type { RecurrentCell, RecurrentState } from "./cell.ts";
import { chosen } from "./maskedSequence.ts";
import { flagsOf } from "./sequenceMask.ts";

/** The states that layers carry from call to call. They are copies: what a call returns is the caller's. */
export class CarriedStates<State extends RecurrentState> {
  private readonly cells: readonly RecurrentCell<State>[];
  private readonly detaches: boolean;
  private current: State[] | undefined;
  /** Samples that were reset and start from learned states, to which gradients must flow. */
  private restarted: readonly boolean[] | undefined;

  /** @param detaches - whether states are cut from the graph that made them */
  constructor(cells: readonly RecurrentCell<State>[], detaches: boolean) {
    this.cells = cells;
    this.detaches = detaches;
    this.current = undefined;
    this.restarted = undefined;
  }

  /** One per layer; `undefined` before the first call. */
  get states(): readonly State[] | undefined {
    return this.current;
  }

  /** States of other parts. */
  private mapped(states: readonly State[], change: (part: Tensor, layer: number, k: number) => Tensor): State[] {
    return this.cells.map((cell, layer) => {
      const state = states[layer];
      return cell.stateOf((state ? cell.partsOf(state) : []).map((part, k) => change(part, layer, k)));
    });
  }

  private partsOf(states: readonly State[] | undefined): Tensor[] {
    return (states ?? []).flatMap((state, layer) => this.cells[layer]?.partsOf(state) ?? []);
  }

  private replace(states: State[] | undefined): void {
    const kept = new Set(this.partsOf(states).map(({ storage }) => storage));
    for (const { storage } of this.partsOf(this.current)) {
      if (kept.has(storage)) continue;
      // A graph may still need it: the running scope knows.
      keepStorage(storage);
      trackStorage(storage);
    }
    this.current = states;
  }

  /**
   * What a call starts from.
   * @param shapes - of the states that it needs, per layer
   * @throws ShapeError if they are of another batch or image size
   */
  fitting(op: string, shapes: readonly Shape[]): State[] | undefined {
    const { current } = this;
    if (current === undefined) return undefined;
    for (const [layer, { h }] of current.entries()) {
      const expected = shapes[layer] ?? [];
      if (sameShape(h.shape, expected)) continue;
      throw new ShapeError(
        op,
        `the states carried over from the last call are ${formatShape(h.shape)} in layer ${layer} but this input needs [N,H,…] = ${formatShape(expected)}; call resetState() before a batch or image of another size`,
        { expected, got: h.shape },
      );
    }
    return this.starting();
  }

  /** The states, but for samples that were reset and start from learned ones as those are now. */
  private starting(): State[] | undefined {
    const { current, restarted } = this;
    if (current === undefined || restarted === undefined) return current;
    const fresh = this.initial(current);
    return this.mapped(current, (part, layer, k) => chosen(restarted, at(at(fresh, layer), k), part));
  }

  /** Parts of states before a first step, per layer, of the shapes of others. */
  private initial(like: readonly State[]): Tensor[][] {
    return this.cells.map((cell, layer) => {
      const [batch = 0, , ...spatial] = like[layer]?.h.shape ?? [];
      return cell.partsOf(cell.initialState(batch, spatial));
    });
  }

  /** Keeps states for the next call. */
  keep(states: readonly State[]): void {
    const copy = (part: Tensor): Tensor => keep(this.detaches ? noGrad(() => part.detach().clone()) : part.clone());
    this.replace(this.mapped(states, copy));
    this.restarted = undefined;
  }

  /** Cuts the states from the graph that made them. */
  detach(): void {
    this.current = this.current && this.mapped(this.current, (part) => part.detach());
  }

  private forget(): void {
    this.replace(undefined);
    this.restarted = undefined;
  }

  /** See `resetState` of the layers. */
  reset(op: string, mask: readonly boolean[] | undefined): void {
    const { current } = this;
    if (mask === undefined) {
      this.forget();
      return;
    }
    const flags = flagsOf(op, "the mask", mask);
    if (current === undefined) {
      throw new ArgumentError(
        op,
        "there are no states yet, so a mask has no batch to refer to; call resetState() for all",
      );
    }
    const batch = current[0]?.h.shape[0] ?? 0;
    if (mask.length !== batch) {
      throw new ShapeError(op, `the mask has ${mask.length} values but the carried states are of a batch of ${batch}`, {
        expected: batch,
        got: mask.length,
      });
    }
    const fresh = noGrad(() => this.initial(current));
    const { restarted } = this;
    this.replace(this.mapped(current, (part, layer, k) => keep(chosen(flags, at(at(fresh, layer), k), part))));
    const learns = this.cells.some(({ learnedState }) => learnedState !== undefined);
    if (learns) this.restarted = flags.map((each, n) => each || (restarted?.[n] ?? false));
  }

  /** The parts of all states, for moving, saving and loading. @param isSaved - whether they belong into the state dict */
  tensors(isSaved: boolean): CarriedTensor[] {
    const states = noGrad(() => this.starting());
    return this.cells.flatMap((cell, layer) =>
      cell.stateNames.map((name, part): CarriedTensor => {
        const state = states?.[layer];
        return {
          name: `states.${layer}.${name}`,
          value: state && cell.partsOf(state)[part],
          isSaved,
          family: `states.${layer}`,
          problemWith: ({ shape, dtype }) => {
            if (dtype !== cell.stateWeight.dtype)
              return `dtype is ${dtype}, but the weights are ${cell.stateWeight.dtype}`;
            const fits = shape.length === cell.spatialDims + 2 && shape[1] === cell.hiddenChannels;
            return fits ? undefined : `shape is ${formatShape(shape)}, not [N,${cell.hiddenChannels},…]`;
          },
          replace: (value) => {
            if (value === undefined) this.forget();
            else {
              this.replacePart(layer, part, keep(value));
              this.restarted = undefined;
            }
          },
          // Samples that were reset stay so: they start from learned states wherever those are.
          move: (value) => this.replacePart(layer, part, keep(value)),
        };
      }),
    );
  }

  /** One part after the other: until the last has come, the new ones stand in for those that are missing. */
  private replacePart(layer: number, part: number, value: Tensor): void {
    const { current } = this;
    this.replace(
      this.cells.map((cell, k) => {
        const old = current?.[k] && cell.partsOf(current[k]);
        return cell.stateOf(cell.stateNames.map((_, p) => (k === layer && p === part ? value : (old?.[p] ?? value))));
      }),
    );
  }
}
