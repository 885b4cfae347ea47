import { formatShape, sameShape } from "@squall/device";
import { Tensor } from "@squall/tensor";

/** Tensors by dotted name, as `Module.stateDict` gives them. */
export type StateDict = Record<string, Tensor>;

/** What a state dict and a module did not have in common. */
export interface LoadResult {
  /** Names that the module has and the state dict lacks. */
  readonly missing: readonly string[];
  /** Names that the state dict has and the module lacks. */
  readonly unexpected: readonly string[];
}

/** A tensor that a module keeps from call to call without learning it, such as a recurrent state. There may be none yet. */
export interface CarriedTensor {
  /** Name within the module. */
  readonly name: string;
  /** What is kept; `undefined` before the first call. */
  readonly value: Tensor | undefined;
  /** Whether it is part of the state dict. */
  readonly isSaved: boolean;
  /** Tensors of one family have one shape, and all that a module carries are of one batch, their first axis. */
  readonly family: string;
  /** What speaks against keeping a tensor in its place: an end of the sentence "the state dict's …"; `undefined` if nothing does. */
  problemWith(value: Tensor): string | undefined;
  /** Keeps another tensor; `undefined` forgets all that the module carries, as before the first call. */
  replace(value: Tensor | undefined): void;
  /** Keeps the same values, of another dtype or on another device. */
  move(value: Tensor): void;
}

/**
 * The tensors of a state dict beside those of a module that have the same name; adds to `problems` what does not fit.
 * @param own - the module's, by dotted name
 */
export function pairsOf(
  own: StateDict,
  stateDict: StateDict,
  problems: string[],
): (readonly [source: Tensor, target: Tensor])[] {
  return Object.entries(own).flatMap(([name, target]) => {
    const source = Object.hasOwn(stateDict, name) ? stateDict[name] : undefined;
    if (source === undefined) return [];
    if (!(source instanceof Tensor)) {
      problems.push(`${name}: the state dict holds ${typeof source}, not a tensor`);
      return [];
    }
    if (!sameShape(source.shape, target.shape)) {
      problems.push(
        `${name}: the module has shape ${formatShape(target.shape)}, the state dict ${formatShape(source.shape)}`,
      );
    } else if (source.dtype !== target.dtype) {
      problems.push(`${name}: the module is ${target.dtype}, the state dict ${source.dtype}; convert one with to()`);
    }
    return [[source, target] as const];
  });
}
