import { ArgumentError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import type { FixtureArguments } from "./arguments.ts";

/** Tensors by their names in the fixture. */
export type NamedTensors = Record<string, Tensor>;

/** What a case is computed from. */
export interface CaseInputs {
  /** Inputs and parameters by name; leaves, which require a gradient where the fixture has one. */
  readonly tensors: NamedTensors;
  /** Those of them that are parameters. */
  readonly parameters: NamedTensors;
  /** Arguments. */
  readonly args: FixtureArguments;
}

/** What a case gave. */
export interface CaseResult {
  /** Outputs by name. */
  readonly outputs: NamedTensors;
  /** Where a module computed them: each of its parameters, and what the fixture's own tensors were converted into for it. */
  readonly loaded?: readonly LoadedParameter[];
}

/** A parameter of a module and where its value came from, so that its gradient can go back there. */
export interface LoadedParameter {
  /** What outputs depend on. */
  readonly parameter: Tensor;
  /** What was copied into it: computed from the fixture's tensors. */
  readonly source: Tensor;
}

/** Computes the outputs of a fixture's operation with Squall. */
export type GoldenCase = (inputs: CaseInputs) => CaseResult;

/** A tensor of the fixture. @throws ArgumentError if it is missing */
export function need(tensors: NamedTensors, name: string): Tensor {
  const found = tensors[name];
  if (found === undefined)
    throw new ArgumentError("golden", `the fixture has no ${name}`, { expected: name, got: Object.keys(tensors) });
  return found;
}
