import { formatShape, type Shape, sameShape } from "@squall/device";
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
  const shapes = new Map<string, readonly [name: string, shape: Shape]>();
  return given.flatMap(([name, tensor]) => {
    const source = stateDict[name];
    if (source === undefined) return [];
    if (source instanceof Tensor) {
      const [first, batch] = [...shapes.values()][0] ?? [name, source.shape];
      const [alike, shape] = shapes.get(tensor.family) ?? [name, source.shape];
      shapes.set(tensor.family, [alike, shape]);
      if (!sameShape(shape, source.shape)) {
        problems.push(`${name}: has shape ${formatShape(source.shape)} but ${alike} has ${formatShape(shape)}`);
      } else if (batch[0] !== source.shape[0]) {
        problems.push(`${name}: is of a batch of ${source.shape[0]} but ${first} of ${batch[0]}`);
      }
    }
    const problem = source instanceof Tensor ? tensor.problemWith(source) : `is ${typeof source}, not a tensor`;
    if (problem !== undefined) problems.push(`${name}: the state dict's ${problem}`);
    return [[tensor, source] as const];
  });
}
