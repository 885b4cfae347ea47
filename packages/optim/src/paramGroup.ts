import { ArgumentError } from "@squall/device";
import { Tensor } from "@squall/tensor";

/** What every optimizer's parameter groups have. */
export interface Hyperparameters {
  /** Learning rate. Schedulers write it; so may you, between steps. */
  lr: number;
}

/** Parameters that share hyperparameters. These may be changed between steps; each step checks them. */
export type ParamGroup<H extends Hyperparameters> = H & {
  /** The parameters, in the order that state dicts number them. */
  readonly params: readonly Tensor[];
};

/** A parameter group as it is given: hyperparameters that are left out are the optimizer's. */
export type ParamGroupOptions<H extends Hyperparameters> = Partial<H> & {
  /** The parameters of the group. */
  readonly params: Iterable<Tensor>;
};

/** What an optimizer is made for: parameters, or groups of them. */
export type Params<H extends Hyperparameters> = Iterable<Tensor> | Iterable<ParamGroupOptions<H>>;

/** What an optimizer remembers of one parameter. */
export interface ParameterState {
  /** Number of updates it has had. */
  step: number;
  /** Running averages and the like, by name, each of the parameter's shape, dtype and device. */
  readonly buffers: Map<string, Tensor>;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

/**
 * Walks something that should hold parameters.
 * @throws ArgumentError if it cannot be walked or is empty.
 */
function walk<T>(op: string, what: string, values: Iterable<T>): readonly T[] {
  if (!isIterable(values)) {
    throw new ArgumentError(op, `${what} must be an array or another iterable; for a module pass module.parameters()`, {
      got: values,
    });
  }
  const list = [...values];
  if (list.length === 0) {
    throw new ArgumentError(op, `${what} is empty; an iterator can be walked only once, so pass a fresh one`, {
      got: list,
    });
  }
  return list;
}

/** Parameters as a list. @throws ArgumentError if there are none or one is not a tensor. */
export function listParams(op: string, what: string, params: Iterable<unknown>): readonly Tensor[] {
  return walk(op, what, params).map((param, k) => {
    if (param instanceof Tensor) return param;
    throw new ArgumentError(
      op,
      `entry ${k} of ${what} must be a tensor, got ${param === null ? "null" : typeof param}`,
      {
        got: param,
      },
    );
  });
}

/** A parameter group of any optimizer; hyperparameters stand beside the parameters. */
export interface AnyGroup {
  /** The parameters of the group. */
  readonly params: Iterable<Tensor>;
}

function isGroup(item: unknown): item is AnyGroup {
  return typeof item === "object" && item !== null && !(item instanceof Tensor) && "params" in item;
}

/** Groups as a list; bare parameters make one. @throws ArgumentError if it is neither. */
export function listGroups(op: string, params: Iterable<Tensor> | Iterable<AnyGroup>): readonly AnyGroup[] {
  const items = walk<Tensor | AnyGroup>(op, "params", params);
  if (!items.some(isGroup)) return [{ params: listParams(op, "params", items) }];
  return items.map((item, k) => {
    if (isGroup(item)) return item;
    throw new ArgumentError(
      op,
      `params must hold only tensors or only groups { params, … }, but entry ${k} is not a group as others are`,
      { got: item },
    );
  });
}
