// Whoever compiles against the types need not ask for this library.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  ArgumentError,
  DeviceError,
  DTypeError,
  disposeStorage,
  formatShape,
  keepStorage,
  ShapeError,
  type Storage,
  sameShape,
  storageScope,
} from "@squall/device";
import { enableGrad, noGrad, Tensor } from "@squall/tensor";
import {
  type AnyGroup,
  type Hyperparameters,
  listGroups,
  listParams,
  type ParameterState,
  type ParamGroup,
  type ParamGroupOptions,
  type Params,
} from "./paramGroup.ts";
import {
  asStateDictError,
  type BufferNames,
  checkState,
  type OptimizerGroupState,
  type OptimizerStateDict,
  type OptionValue,
} from "./stateDict.ts";

/**
 * Base of the optimizers: parameter groups, the walk over gradients, and state dicts. A subclass says which hyperparameters there are
 * ({@link Optimizer.check}), which buffers it keeps ({@link Optimizer.buffers}) and how one parameter changes ({@link Optimizer.update}).
 *
 * Parameters change in place, on their device; nothing is read back. Buffers live as long as their parameter, whatever scope a step is in.
 */
export abstract class Optimizer<H extends Hyperparameters = Hyperparameters> implements Disposable {
  /** Name for messages. */
  readonly name: string;
  /** What each parameter's buffers are called in state dicts, and whether every parameter that was ever updated has them. */
  protected abstract readonly buffers: BufferNames;
  private readonly defaults: H;
  private readonly groups: ParamGroup<H>[] = [];
  private readonly states = new Map<Tensor, ParameterState>();

  /**
   * @param params - parameters, or groups `{ params, lr, … }` whose hyperparameters win over `defaults`
   * @param defaults - every hyperparameter of the optimizer
   * @throws ArgumentError if there are no parameters, one is given twice or is not a leaf, or a hyperparameter is out of range.
   */
  constructor(name: string, params: Params<H>, defaults: H) {
    this.name = name;
    this.defaults = this.check(defaults);
    this.append(listGroups(name, params));
  }

  /**
   * Checks hyperparameters that may come from anywhere and returns them, each in a field of its own. Runs before the fields of a
   * subclass exist.
   * @throws ArgumentError if one is missing, unknown or out of range.
   */
  protected abstract check(values: object): H;

  /**
   * Changes one parameter in place. `gradient` fits it, and `state.step` already counts this update. Of what it makes, only tensors in
   * `state.buffers` live on.
   * @param options - hyperparameters of its group, checked
   */
  protected abstract update(parameter: Tensor, gradient: Tensor, state: ParameterState, options: H): void;

  /** A buffer of a parameter; zeros when first asked for. For {@link Optimizer.update}. */
  protected buffer(parameter: Tensor, state: ParameterState, name: string): Storage {
    let buffer = state.buffers.get(name);
    if (buffer === undefined) {
      const { device, dtype, size, shape } = parameter;
      buffer = new Tensor(device.kernels.fill(dtype, size, 0), shape);
      state.buffers.set(name, buffer);
    }
    return buffer.storage;
  }

  /** The groups, in the order they were given. Change their hyperparameters between steps as you like. */
  get paramGroups(): readonly ParamGroup<H>[] {
    return this.groups;
  }

  /**
   * Adds parameters, say of layers that are unfrozen later.
   * @throws ArgumentError as the constructor.
   */
  addParamGroup(group: ParamGroupOptions<H>): void {
    this.append(listGroups(`${this.name}.addParamGroup`, [group]));
  }

  /** Checks new groups against all others, and only then takes them. */
  private append(added: readonly AnyGroup[]): void {
    const homes = new Map<Tensor, number>();
    for (const [g, { params }] of this.groups.entries()) for (const param of params) homes.set(param, g);
    const groups = added.map(({ params, ...options }, k) => {
      const g = this.groups.length + k;
      const list = listParams(this.name, added.length === 1 ? "params" : `params of group ${g}`, params);
      for (const [index, param] of list.entries()) this.checkParam(param, `parameter ${index} of group ${g}`, homes, g);
      return { ...this.check({ ...this.defaults, ...options }), params: list };
    });
    this.groups.push(...groups);
  }

  private checkParam(param: Tensor, where: string, homes: Map<Tensor, number>, group: number): void {
    const home = homes.get(param);
    if (home !== undefined) {
      throw new ArgumentError(
        this.name,
        `${where}, ${param}, is already in group ${home}; give each parameter once, or it would be updated twice a step`,
        { got: param },
      );
    }
    if (!param.isLeaf) {
      throw new ArgumentError(
        this.name,
        `${where}, ${param}, is the result of an operation; optimize the tensors it was made of, or x.detach().requiresGrad_()`,
        { got: param },
      );
    }
    homes.set(param, group);
  }

  /**
   * Clears the gradients of all parameters, as {@link Tensor.zeroGrad}: `grad` becomes `undefined`, and a step without a new backward leaves
   * them alone.
   */
  zeroGrad(): void {
    for (const { params } of this.groups) for (const param of params) param.zeroGrad();
  }

  /**
   * Updates every parameter that has a gradient, in place. Nothing changes unless everything fits.
   * @throws ShapeError, DTypeError, DeviceError if a gradient or buffer does not fit its parameter; ArgumentError if a hyperparameter
   * was set out of range.
   */
  step(): undefined;
  /**
   * Runs `closure`, with recording switched on, to compute the loss and the gradients, then updates.
   * @param closure - clears the gradients, computes the loss, calls `backward()` and returns the loss
   * @returns what `closure` returned
   * @throws AutogradError if `closure` is asynchronous; else as without one.
   */
  step<R>(closure: () => R): R;
  step<R>(closure?: () => R): R | undefined {
    const loss = closure === undefined ? undefined : enableGrad(closure);
    const updates: (() => void)[] = [];
    for (const [g, { params, ...values }] of this.groups.entries()) {
      const options = this.check(values);
      for (const [k, param] of params.entries()) {
        const { grad } = param;
        if (grad === undefined) continue;
        const state = this.states.get(param) ?? { step: 0, buffers: new Map<string, Tensor>() };
        const where = `parameter ${k} of group ${g}`;
        this.checkFit(where, "its gradient", grad, param, "call zeroGrad() and backward() again");
        for (const [name, buffer] of state.buffers) {
          this.checkFit(
            where,
            `its ${name}`,
            buffer,
            param,
            "make a new optimizer after moving or converting parameters",
          );
        }
        updates.push(() => {
          this.states.set(param, state);
          state.step++;
          // One storage cannot be both read as the gradient and written as the parameter on every device.
          this.update(param, grad.storage === param.storage ? grad.clone() : grad, state, options);
          for (const buffer of state.buffers.values()) keepStorage(buffer.storage, param.storage);
        });
      }
    }
    const updateAll = (): void => {
      for (const update of updates) update();
    };
    storageScope(
      () => noGrad(updateAll),
      () => [],
    );
    return loss;
  }

  private checkFit(where: string, what: string, got: Tensor, param: Tensor, remedy: string): void {
    const op = `${this.name}.step`;
    if (!sameShape(got.shape, param.shape)) {
      throw new ShapeError(
        op,
        `${where} has shape ${formatShape(param.shape)} but ${what} has ${formatShape(got.shape)}; ${remedy}`,
        { expected: param.shape, got: got.shape },
      );
    }
    if (got.dtype !== param.dtype) {
      throw new DTypeError(op, `${where} is ${param.dtype} but ${what} is ${got.dtype}; ${remedy}`, {
        expected: param.dtype,
        got: got.dtype,
      });
    }
    if (got.device !== param.device) {
      throw new DeviceError(op, `${where} is on ${param.device.name} but ${what} is on ${got.device.name}; ${remedy}`, {
        expected: param.device.name,
        got: got.device.name,
      });
    }
  }

  /** The state, copied: later steps do not change it. See {@link OptimizerStateDict} for how to store it. */
  stateDict(): OptimizerStateDict {
    const tensors: [string, Tensor][] = [];
    let index = 0;
    const groups = this.groups.map(({ params, ...values }): OptimizerGroupState => {
      const options: Record<string, OptionValue> = Object.fromEntries(Object.entries(this.check(values)));
      const progress = params.map((param) => {
        const { step, buffers } = this.states.get(param) ?? { step: 0, buffers: new Map<string, Tensor>() };
        for (const [name, buffer] of buffers) tensors.push([`${index}.${name}`, buffer.clone()]);
        index++;
        return { step, buffers: [...buffers.keys()] };
      });
      return { options, params: progress };
    });
    return { state: Object.fromEntries(tensors), groups };
  }

  /**
   * Takes over the state and the hyperparameters of an optimizer of the same kind, made for the same parameters in the same groups and
   * order. Tensors are copied.
   * @throws StateDictError if anything does not fit; the optimizer is then as it was.
   */
  loadStateDict(stateDict: OptimizerStateDict): void {
    const op = `${this.name}.loadStateDict`;
    const params = this.groups.map((group) => group.params);
    const loaded = checkState(op, stateDict, params, this.buffers);
    const options = this.groups.map((_, g) =>
      asStateDictError(op, `options of group ${g}`, () => this.check(stateDict.groups[g]?.options ?? {})),
    );
    const states = loaded.map(({ parameter, step, buffers }): [Tensor, ParameterState] => {
      const copies = [...buffers].map(([name, buffer]): [string, Tensor] => {
        const copy = buffer.detach().clone();
        keepStorage(copy.storage, parameter.storage);
        return [name, copy];
      });
      return [parameter, { step, buffers: new Map(copies) }];
    });
    this.dispose();
    for (const [g, group] of this.groups.entries()) Object.assign(group, options[g]);
    for (const [parameter, state] of states) this.states.set(parameter, state);
  }

  /** Forgets the state and frees its memory, where that is not the garbage collector's. State dicts are copies and stay. */
  dispose(): void {
    for (const { buffers } of this.states.values()) for (const { storage } of buffers.values()) disposeStorage(storage);
    this.states.clear();
  }

  /** As {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
