import { Tensor } from "@squall/tensor";
import type { CarriedTensor, StateDict } from "./stateDict.ts";

/** A carried tensor and what is to be kept in its place; `undefined` for nothing. */
export type CarriedChange = readonly [tensor: CarriedTensor, source: Tensor | undefined];

/**
 * What a state dict does to the carried tensors of one module; adds to `problems` what does not fit.
 * @param tensors - those of the module with dotted names
 * @param forgets - whether a state dict without any makes the module forget those that are saved
 */
export function carriedChanges(
  tensors: readonly (readonly [name: string, tensor: CarriedTensor])[],
  stateDict: StateDict,
  forgets: boolean,
  problems: string[],
): CarriedChange[] {
  const given = tensors.filter(([name]) => Object.hasOwn(stateDict, name));
  if (given.length === 0) {
    const saved = tensors.filter(([, { isSaved, value }]) => isSaved && value !== undefined);
    return forgets ? saved.map(([, tensor]) => [tensor, undefined]) : [];
  }
  if (given.length < tensors.length) {
    const lacking = tensors.filter((each) => !given.includes(each)).map(([name]) => name);
    problems.push(`states are loaded whole, but there is no ${lacking.join(", ")}`);
  }
  return given.flatMap(([name, tensor]) => {
    const source = stateDict[name];
    if (source === undefined) return [];
    const problem = source instanceof Tensor ? tensor.problemWith(source) : `is ${typeof source}, not a tensor`;
    if (problem !== undefined) problems.push(`${name}: the state dict's ${problem}`);
    return [[tensor, source] as const];
  });
}
