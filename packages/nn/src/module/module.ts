import { ArgumentError, type Device, type DType, keepStorage, StateDictError, storageScope } from "@squall/device";
import { noGrad, type Tensor } from "@squall/tensor";
import { carriedChanges } from "./carriedChanges.ts";
import { moduleLines } from "./moduleLines.ts";
import { Buffer, Parameter } from "./parameter.ts";
import { type CarriedTensor, type LoadResult, pairsOf, type StateDict } from "./stateDict.ts";

export type { CarriedTensor, LoadResult, StateDict } from "./stateDict.ts";

/** A module from one tensor to one tensor, fit for {@link Sequential}. */
export interface TensorModule extends Module {
  /** Computes the output from the input. */
  forward(x: Tensor): Tensor;
}

/**
 * Base of everything that has parameters. Parameters, buffers and submodules are found among the instance's own properties: assign them
 * and they have dotted names (`encoder.cells.0.bias`). Properties declared with `#` cannot be found; use TypeScript's `private`.
 */
export abstract class Module {
  static {
    // Where Node's console looks for what to show; elsewhere nobody does.
    const value = function (this: Module): string {
      return this.toString();
    };
    Object.defineProperty(Module.prototype, Symbol.for("nodejs.util.inspect.custom"), { value });
  }

  /** Whether dropout and the like are at work. Set by {@link train} and {@link eval}. */
  training = true;

  /** Name and value of everything that may be state, in order of assignment. */
  protected ownProperties(): Iterable<readonly [string, unknown]> {
    return Object.entries(this);
  }

  /**
   * Tensors that this module keeps from call to call. They move with it, and are loaded, all or none of a module's, where a state dict has them;
   * those that are saved are forgotten where a state dict has none.
   */
  protected carriedTensors(): readonly CarriedTensor[] {
    return [];
  }

  /** Those of this module and all below it, module by module, with dotted names. */
  private carriedByModule(): (readonly [name: string, tensor: CarriedTensor])[][] {
    return [...this.namedModules()].map(([prefix, module]) =>
      module
        .carriedTensors()
        .map((tensor) => [prefix === "" ? tensor.name : `${prefix}.${tensor.name}`, tensor] as const),
    );
  }

  /** Direct submodules with their names. @throws ArgumentError if a property holds an array with modules or parameters in it */
  *namedChildren(): Generator<[string, Module]> {
    for (const [name, value] of this.ownProperties()) {
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value) && value.some((item) => item instanceof Module || item instanceof Parameter)) {
        throw new ArgumentError(
          "Module",
          `property ${name} of ${this.constructor.name} is an array that holds modules or parameters, which would not be trained or saved; use a ModuleList`,
          { got: name },
        );
      }
    }
  }

  /** This module and all below it, each once, with dotted names; its own is `""`. */
  *namedModules(prefix = "", seen: Set<Module> = new Set()): Generator<[string, Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [name, child] of this.namedChildren())
      yield* child.namedModules(prefix === "" ? name : `${prefix}.${name}`, seen);
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    return [...this.namedModules()].map(([, module]) => module);
  }

  /** Tensors of one kind with dotted names; one that can be reached in several ways comes under each of its names. */
  private *namedTensors<T extends Tensor>(
    kind: new (...args: never[]) => T,
    prefix = "",
    above: readonly Module[] = [],
  ): Generator<[string, T]> {
    if (above.includes(this)) return;
    const full = (name: string): string => (prefix === "" ? name : `${prefix}.${name}`);
    for (const [name, value] of this.ownProperties()) if (value instanceof kind) yield [full(name), value];
    for (const [name, child] of this.namedChildren()) yield* child.namedTensors(kind, full(name), [...above, this]);
  }

  /** All parameters with dotted names, each once (under its first name if it is shared). */
  namedParameters(): [string, Parameter][] {
    const seen = new Set<Parameter>();
    return [...this.namedTensors(Parameter)].filter(([, parameter]) => !seen.has(parameter) && seen.add(parameter));
  }

  /** All parameters, each once: what an optimizer wants. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** All buffers with dotted names, each once. */
  namedBuffers(): [string, Buffer][] {
    const seen = new Set<Buffer>();
    return [...this.namedTensors(Buffer)].filter(([, buffer]) => !seen.has(buffer) && seen.add(buffer));
  }

  /** All buffers. */
  buffers(): Buffer[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** Number of learned values. */
  parameterCount(): number {
    return this.parameters().reduce((sum, parameter) => sum + parameter.size, 0);
  }

  /** All parameters and buffers, and carried states that are saved, by dotted name, shared ones under each of their names. They share memory with the module; clone them to keep a moment. */
  stateDict(): StateDict {
    const all: (readonly [string, Tensor])[] = [...this.namedTensors(Parameter), ...this.namedTensors(Buffer)];
    for (const [name, { isSaved, value }] of this.carriedByModule().flat()) {
      if (isSaved && value !== undefined) all.push([name, value]);
    }
    return Object.fromEntries(all.map(([name, tensor]) => [name, tensor.detach()]));
  }

  /**
   * Copies values into parameters and buffers. Everything is checked first: a state dict that does not fit changes nothing. Carried states that
   * are saved (`stateful` and `saveState` of recurrent layers) become those of the state dict; one without, as it is before the first call,
   * makes the module forget its own, if strict.
   * @param options - `strict` (default true): names must be the same on both sides
   * @returns what was missing and unexpected, carried states that stay as they are among the missing; both empty if strict
   * @throws StateDictError with every misfit: missing and unexpected names (if strict), other shapes, other dtypes
   */
  loadStateDict(stateDict: StateDict, options: { readonly strict?: boolean } = {}): LoadResult {
    const carried = this.carriedByModule();
    const carriedNames = new Set(carried.flat().map(([name]) => name));
    const own = Object.fromEntries(Object.entries(this.stateDict()).filter(([name]) => !carriedNames.has(name)));
    const missing = Object.keys(own).filter((name) => !Object.hasOwn(stateDict, name));
    const unexpected = Object.keys(stateDict).filter((name) => !Object.hasOwn(own, name) && !carriedNames.has(name));
    const problems: string[] = [];
    const strict = options.strict ?? true;
    if (strict) {
      // Sources without biases are common, and what is missing does not tell what to do about them.
      const isBiases = unexpected.length === 0 && missing.every((name) => /(^|\.)bias$/.test(name));
      const remedy = isBiases ? "; build the module with bias: false for weights without biases" : "";
      if (missing.length > 0) problems.push(`missing: ${missing.join(", ")}${remedy}`);
      if (unexpected.length > 0) problems.push(`unexpected: ${unexpected.join(", ")}`);
    }
    const pairs = pairsOf(own, stateDict, problems);
    const changes = carried.flatMap((tensors) => carriedChanges(tensors, stateDict, strict, problems));
    if (problems.length > 0) {
      throw new StateDictError(
        "loadStateDict",
        `the state dict does not fit ${this.constructor.name}: ${problems.join("; ")}`,
        {
          expected: Object.keys(own),
          got: Object.keys(stateDict),
        },
      );
    }
    const home = this.parameters()[0]?.device;
    const states = changes.map(([tensor, source]) => ({
      tensor,
      value:
        source &&
        noGrad(() =>
          source
            .detach()
            .to(home ?? source.device)
            .clone(),
        ),
    }));
    const copy = (): void => {
      for (const [source, target] of pairs) target.copy_(source.detach().to(target.device));
    };
    storageScope(
      () => noGrad(copy),
      () => [],
    );
    for (const { tensor, value } of states) tensor.replace(value);
    for (const [name, { isSaved, value }] of carried.flat()) {
      if (!strict && isSaved && value !== undefined && !Object.hasOwn(stateDict, name)) missing.push(name);
    }
    return { missing, unexpected };
  }

  /** Switches this module and all below to training: dropout is at work. Returns itself. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Switches this module and all below to evaluation. Returns itself. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Moves parameters and buffers, with their gradients, to a device or another dtype, in place: optimizers keep hold of them. The elements
   * that they had are not freed, since state dicts and the values of the parameters may share them. If one cannot be moved, none is. Returns itself.
   * @throws DTypeError if the device cannot hold them; DeviceError off a device that answers later, see {@link toAsync}
   */
  to(target: Device | DType): this {
    const moved = tensorsOf(this).map((tensor) => ({
      tensor,
      value: tensor.detach().to(target),
      gradient: tensor.grad?.detach().to(target),
    }));
    const states = this.carriedByModule()
      .flat()
      .flatMap(([, tensor]) =>
        tensor.value === undefined ? [] : [{ tensor, value: tensor.value.detach().to(target) }],
      );
    for (const each of moved) take(each);
    for (const { tensor, value } of states) tensor.move(value);
    return this;
  }

  /**
   * As {@link to} with a device, off devices that can only answer later, too: `await model.toAsync(cpu)`. What changes parameters meanwhile
   * is lost. Resolves to itself. @throws DTypeError if the device cannot hold them; then nothing has moved
   */
  async toAsync(device: Device): Promise<this> {
    const moved = await Promise.all(
      tensorsOf(this).map(async (tensor) => ({
        tensor,
        value: await tensor.detach().toAsync(device),
        gradient: await tensor.grad?.detach().toAsync(device),
      })),
    );
    const carried = this.carriedByModule().flat();
    const states = await Promise.all(
      carried.map(async ([, tensor]) => ({ tensor, value: await tensor.value?.detach().toAsync(device) })),
    );
    for (const each of moved) take(each);
    for (const { tensor, value } of states) if (value !== undefined) tensor.move(value);
    return this;
  }

  /** Forgets all gradients, as {@link Tensor.zeroGrad}. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.zeroGrad();
  }

  /** Freezes (`false`) or thaws all parameters. Returns itself. */
  requiresGrad_(value = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(value);
    return this;
  }

  /** This module and all below it, each once, after all that are below it, children in order of assignment. */
  private *bottomUp(seen: Set<Module> = new Set()): Generator<Module> {
    if (seen.has(this)) return;
    seen.add(this);
    for (const [, child] of this.namedChildren()) yield* child.bottomUp(seen);
    yield this;
  }

  /**
   * Calls `fn` with every module, children before the module that has them and in order of assignment, this one last, as PyTorch's `apply`;
   * but a module that is reached in several ways comes once. Returns itself.
   */
  apply(fn: (module: Module) => void): this {
    for (const module of [...this.bottomUp()]) fn(module);
    return this;
  }

  /** See {@link toString}. @param counted - parameters found so far */
  private lines(above: readonly Module[], counted: Set<Parameter>): string[] {
    const kind = this.constructor.name;
    if (above.includes(this)) return [`${kind}(…)`];
    const tensors: [string, Tensor][] = [];
    const children: [string, string[]][] = [];
    for (const [name, value] of this.ownProperties()) {
      if (value instanceof Module) children.push([name, value.lines([...above, this], counted)]);
      if (value instanceof Parameter) counted.add(value);
      if (value instanceof Parameter || value instanceof Buffer) tensors.push([name, value]);
    }
    return moduleLines(kind, tensors, children);
  }

  /**
   * What this module is made of, as PyTorch shows it: its class, the shapes of its own parameters and buffers, its children by name, and in the
   * last line the number of learned values, if there are any. Node's console shows the same. Classes have the names that they have in the
   * running program; minified ones are short.
   *
   * ```text
   * ConvLSTM(
   *   (cells): ModuleList(
   *     (0): ConvLSTMCell(inputWeight [32,1,3,3], stateWeight [32,8,3,3], bias [32])
   *   )
   * )
   * 2624 parameters
   * ```
   */
  toString(): string {
    const counted = new Set<Parameter>();
    const lines = this.lines([], counted);
    const count = [...counted].reduce((sum, { size }) => sum + size, 0);
    if (counted.size > 0) lines.push(`${count} ${count === 1 ? "parameter" : "parameters"}`);
    return lines.join("\n");
  }
}

function tensorsOf(module: Module): Tensor[] {
  return [...module.parameters(), ...module.buffers()];
}

/** Puts moved elements in the place of a tensor's own. */
function take({
  tensor,
  value: { storage },
  gradient,
}: {
  readonly tensor: Tensor;
  readonly value: Tensor;
  readonly gradient: Tensor | undefined;
}): void {
  keepStorage(storage, tensor.storage);
  tensor.replaceStorage(storage);
  if (gradient !== undefined) tensor.replaceGrad(gradient);
}
