import { Module } from "../assembler/module.ts";
import type { Value } from "../values.ts";
import { ExpressionEmitter } from "./expression.ts";
import { VectorMath } from "./functions.ts";

/** What {@link emitMap} makes a function of. Places are in bytes from the address that the function is called with. */
export interface MapLayout {
  /** The steps, operands before users. */
  readonly values: readonly Value[];
  /** Which values are results. */
  readonly outputs: readonly number[];
  /** Where the elements of each result go. */
  readonly outputPlaces: readonly number[];
  /** Where the elements of each input stand, or the one number that stands for all of them. */
  readonly inputs: readonly { readonly place: number; readonly uniform: boolean }[];
  /** Where the scalars stand, one float each. */
  readonly scalarPlace: number;
}

/** Elementwise expressions over blocks of four floats a vector: `run(address, vectors)`, at least one vector. */
export function emitMap(layout: MapLayout, fused: boolean): Module {
  const { values, outputs, outputPlaces, inputs, scalarPlace } = layout;
  const module = new Module();
  module.add("run", 2, (code) => {
    const [address, vectors] = code.parameters;
    const at = code.local("i32");
    const emitter = new ExpressionEmitter(code, new VectorMath(code, fused), (leaf) => {
      const local = code.local("v128");
      if (leaf.kind === "scalar") code.loadSplat(address, scalarPlace + 4 * leaf.index);
      else if (inputs[leaf.index].uniform) code.loadSplat(address, inputs[leaf.index].place);
      else code.load(at, inputs[leaf.index].place);
      code.set(local);
      return local;
    });
    const varies: boolean[] = [];
    for (const { node, operands } of values) {
      varies.push(node.kind === "input" ? !inputs[node.index].uniform : operands.some((operand) => varies[operand]));
    }
    // What is the same for all elements is computed once.
    for (const [index, value] of values.entries()) if (!varies[index]) emitter.emit(index, value);
    code.get(address).set(at);
    code.countDown(vectors, () => {
      for (const [index, value] of values.entries()) if (varies[index]) emitter.emit(index, value);
      const results = outputs.map((output) => emitter.floats(output));
      for (const [k, result] of results.entries()) code.store(at, outputPlaces[k], result);
      code.advance(at, 16);
    });
  });
  return module;
}
