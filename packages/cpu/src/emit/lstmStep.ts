import type { Code, Local } from "../assembler/code.ts";
import { Module } from "../assembler/module.ts";
import { VectorMath } from "./functions.ts";
import { type Gates, gateLocals, lstmCell, lstmCellGradient, type Peepholes } from "./lstmCell.ts";

/** Where blocks of operands stand, in bytes from the address that a function is called with. Gates in the order i, f, o, g. */
export interface LstmPlaces {
  /** Gates; results take the place of operands. */
  readonly gates: readonly number[];
  /** Pre-activations to be added to the gates, or none. */
  readonly inputGates: readonly number[];
  /** Peephole weights i, f, o, or none. */
  readonly peepholes: readonly number[];
  /** The cell state before the step; forward the one after it takes its place. */
  readonly cell: number;
  /** Forward the hidden state after the step, backward its gradient. */
  readonly hidden: number;
  /** Backward: the cell state after the step. */
  readonly after: number;
  /** Backward: the gradient of the cell state after the step; that of the state before takes its place. */
  readonly cellGradient: number;
}

const peepholeNames = ["input", "forget", "output"] as const;
const gateNames = ["input", "forget", "output", "candidate"] as const;

function load(code: Code, at: Local, place: number, into: Local): void {
  code.load(at, place).set(into);
}

function loadPeepholes(code: Code, at: Local, places: readonly number[], into: Peepholes): Peepholes | undefined {
  if (places.length === 0) return undefined;
  for (const [k, name] of peepholeNames.entries()) load(code, at, places[k], into[name]);
  return into;
}

/** {@link lstmCell} over blocks: `run(address, vectors)`, at least one vector. */
export function emitLstmStep(places: LstmPlaces, fused: boolean): Module {
  const module = new Module();
  module.add("run", 2, (code) => {
    const [at, vectors] = code.parameters;
    const math = new VectorMath(code, fused);
    const gates: Gates = gateLocals(code);
    const weights = gateLocals(code);
    const [cell, hidden] = code.localList("v128", 2);
    code.countDown(vectors, () => {
      for (const [k, name] of gateNames.entries()) {
        code.load(at, places.gates[k]);
        if (places.inputGates.length > 0) code.load(at, places.inputGates[k]).op("f32x4.add");
        code.set(gates[name]);
      }
      load(code, at, places.cell, cell);
      lstmCell(code, math, gates, cell, hidden, loadPeepholes(code, at, places.peepholes, weights));
      for (const [k, name] of gateNames.entries()) code.store(at, places.gates[k], gates[name]);
      code.store(at, places.cell, cell).store(at, places.hidden, hidden);
      code.advance(at, 16);
    });
  });
  return module;
}

/** {@link lstmCellGradient} over blocks, likewise. */
export function emitLstmStepGradient(places: LstmPlaces, fused: boolean): Module {
  const module = new Module();
  module.add("run", 2, (code) => {
    const [at, vectors] = code.parameters;
    const math = new VectorMath(code, fused);
    const gates: Gates = gateLocals(code);
    const weights = gateLocals(code);
    const [before, after, hiddenGradient, cellGradient] = code.localList("v128", 4);
    code.countDown(vectors, () => {
      for (const [k, name] of gateNames.entries()) load(code, at, places.gates[k], gates[name]);
      load(code, at, places.cell, before);
      load(code, at, places.after, after);
      load(code, at, places.hidden, hiddenGradient);
      load(code, at, places.cellGradient, cellGradient);
      const peepholes = loadPeepholes(code, at, places.peepholes, weights);
      lstmCellGradient(code, math, gates, { before, after, hiddenGradient, cellGradient }, peepholes);
      for (const [k, name] of gateNames.entries()) code.store(at, places.gates[k], gates[name]);
      code.store(at, places.cellGradient, cellGradient);
      code.advance(at, 16);
    });
  });
  return module;
}
