import { ArgumentError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import type { FixtureArguments } from "./arguments.ts";

/** Tensors by their names in the fixture. */
export type NamedTensors = Record<string, Tensor>;

/** What a case is computed from. */
export interface CaseInputs {
  /** Inputs and parameters by name; leaves, which require a gradient where the fixture has one. */
  readonly tensors: NamedTensors;
  /** Arguments. */
  readonly args: FixtureArguments;
}

/** What a case gave. */
export interface CaseResult {
  /** Outputs by name. */
  readonly outputs: NamedTensors;
  /** Where a gradient has another form than in the fixture: from gradients of `leaves` to gradients by name. */
  readonly leaves?: NamedTensors;
  /** Turns gradients of `leaves` into the fixture's form. */
  readonly gradientsOf?: (gradients: NamedTensors) => NamedTensors;
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
