import { ArgumentError, ShapeError } from "@squall/tensor";
import { Module } from "./module.ts";

/** Modules in a row, found by position: their names are `0`, `1`, … */
export class ModuleList<M extends Module = Module> extends Module implements Iterable<M> {
  private readonly items: M[];

  /** @throws ArgumentError if an item is not a module */
  constructor(modules: Iterable<M> = []) {
    super();
    this.items = [];
    for (const module of modules) this.append(module);
  }

  protected override ownProperties(): Iterable<readonly [string, unknown]> {
    return this.items.map((item, k) => [`${k}`, item] as const);
  }

  /** Number of modules. */
  get length(): number {
    return this.items.length;
  }

  /** The module at a position; negative positions count from the end. @throws ShapeError if there is none */
  at(index: number): M {
    const item = this.items.at(index);
    if (item === undefined || !Number.isInteger(index)) {
      throw new ShapeError("ModuleList.at", `there is no module ${index} among ${this.length}`, {
        expected: this.length,
        got: index,
      });
    }
    return item;
  }

  /** Adds a module at the end. Returns itself. @throws ArgumentError if it is not a module */
  append(module: M): this {
    if (!(module instanceof Module)) {
      throw new ArgumentError("ModuleList", `item ${this.length} is not a Module`, { got: module });
    }
    this.items.push(module);
    return this;
  }

  /** The modules in order. */
  [Symbol.iterator](): Iterator<M> {
    return this.items[Symbol.iterator]();
  }
}
