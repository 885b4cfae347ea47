import { formatShape, SquallError, StateDictError, sameShape } from "@squall/device";
import { Tensor } from "@squall/tensor";

/** A hyperparameter as it stands in a state dict. */
export type OptionValue = number | boolean | readonly number[];

/** What a state dict says of one parameter, apart from its tensors. */
export interface ParameterProgress {
  /** Number of updates it has had. */
  readonly step: number;
  /** Names of its tensors in {@link OptimizerStateDict.state}. */
  readonly buffers: readonly string[];
}

/** What a state dict says of one parameter group. */
export interface OptimizerGroupState {
  /** The hyperparameters, learning rate included. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** The parameters, in their order in the group. */
  readonly params: readonly ParameterProgress[];
}

/** Everything an optimizer needs to go on where it was: tensors for a safetensors file, and plain JSON beside them. */
export interface OptimizerStateDict {
  /**
   * Copies of the buffers by `"<parameter>.<name>"`, such as `"0.momentumBuffer"`; parameters are numbered through all groups. Empty
   * before the first step.
   */
  readonly state: Record<string, Tensor>;
  /** One entry per parameter group: plain JSON. */
  readonly groups: readonly OptimizerGroupState[];
}

/** Which tensors an optimizer keeps per parameter: from its first step on, or only under some options. */
export type BufferNames = Readonly<Record<string, "always" | "sometimes">>;

/** What is loaded for one parameter, once everything has been checked. */
export interface LoadedParameter {
  /** The parameter it belongs to. */
  readonly parameter: Tensor;
  /** Number of updates. */
  readonly step: number;
  /** Tensors of the state dict, not yet copied. */
  readonly buffers: ReadonlyMap<string, Tensor>;
}

/** Runs a check of something that was loaded; what it throws becomes a StateDictError that says where. */
export function asStateDictError<R>(op: string, where: string, check: () => R): R {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof SquallError)) throw error;
    const what = error.message.slice(error.op.length + 2);
    throw new StateDictError(op, `${where}: ${what}`, { expected: error.expected, got: error.got });
  }
}

function checkBuffer(op: string, key: string, buffer: Tensor, parameter: Tensor): void {
  if (!sameShape(buffer.shape, parameter.shape) || buffer.dtype !== parameter.dtype) {
    throw new StateDictError(
      op,
      `"${key}" is ${formatShape(buffer.shape)} ${buffer.dtype} but its parameter is ${formatShape(parameter.shape)} ${parameter.dtype}; give the optimizer the parameters it was saved with, in their order`,
      { expected: parameter.shape, got: buffer.shape },
    );
  }
  if (buffer.device !== parameter.device) {
    throw new StateDictError(
      op,
      `"${key}" is on ${buffer.device.name} but its parameter is on ${parameter.device.name}; load the tensors onto ${parameter.device.name}`,
      { expected: parameter.device.name, got: buffer.device.name },
    );
  }
}

function checkProgress(op: string, where: string, entry: ParameterProgress, names: BufferNames): void {
  const { step, buffers } = entry;
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new StateDictError(op, `${where}: step must be a whole number >= 0, got ${step}`, { got: step });
  }
  if (!Array.isArray(buffers)) {
    throw new StateDictError(op, `${where}: buffers must be an array of names`, { got: buffers });
  }
  const strange = buffers.find((name) => !Object.hasOwn(names, name));
  if (strange !== undefined) {
    const known = Object.keys(names).join(", ");
    throw new StateDictError(
      op,
      `${where}: there is no buffer "${strange}"; this optimizer keeps ${known} (was it saved by another kind?)`,
      { expected: Object.keys(names), got: strange },
    );
  }
  const lost = Object.keys(names).find((name) => step > 0 && names[name] === "always" && !buffers.includes(name));
  if (lost !== undefined) {
    throw new StateDictError(op, `${where}: after ${step} steps there must be a buffer "${lost}"`, {
      expected: lost,
      got: buffers,
    });
  }
}

function countOf(values: unknown): number | undefined {
  return Array.isArray(values) ? values.length : undefined;
}

/**
 * Holds the tensors and counts of a state dict against the parameters that are to have them. Changes nothing.
 * @throws StateDictError that says what does not fit.
 */
export function checkState(
  op: string,
  stateDict: OptimizerStateDict,
  params: readonly (readonly Tensor[])[],
  names: BufferNames,
): readonly LoadedParameter[] {
  const { state, groups } = stateDict ?? {};
  if (countOf(groups) !== params.length) {
    throw new StateDictError(
      op,
      `the state dict has ${countOf(groups) ?? "no"} parameter groups but the optimizer has ${params.length}; make the optimizer with the same groups`,
      { expected: params.length, got: countOf(groups) },
    );
  }
  const tensors = new Map(Object.entries(state ?? {}));
  const loaded: LoadedParameter[] = [];
  const missing: string[] = [];
  for (const [g, group] of params.entries()) {
    const entries = groups[g]?.params;
    if (countOf(entries) !== group.length) {
      throw new StateDictError(
        op,
        `group ${g} has ${countOf(entries) ?? "no"} parameters in the state dict but ${group.length} in the optimizer; make the optimizer with the same parameters`,
        { expected: group.length, got: countOf(entries) },
      );
    }
    for (const [k, parameter] of group.entries()) {
      const entry = entries?.[k] ?? { step: Number.NaN, buffers: [] };
      checkProgress(op, `group ${g}, parameter ${k}`, entry, names);
      const buffers = new Map<string, Tensor>();
      for (const name of entry.buffers) {
        const key = `${loaded.length}.${name}`;
        const buffer = tensors.get(key);
        tensors.delete(key);
        if (buffer instanceof Tensor) {
          checkBuffer(op, key, buffer, parameter);
          buffers.set(name, buffer);
        } else missing.push(key);
      }
      loaded.push({ parameter, step: entry.step, buffers });
    }
  }
  const unexpected = [...tensors.keys()];
  if (missing.length > 0 || unexpected.length > 0) {
    throw new StateDictError(
      op,
      `the tensors do not fit the groups: missing [${missing.join(", ")}], unexpected [${unexpected.join(", ")}]; load both halves of one state dict`,
      { expected: missing, got: unexpected },
    );
  }
  return loaded;
}
