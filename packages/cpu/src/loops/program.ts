import type { BinaryFunction, Expression, UnaryFunction } from "@squall/device";
import { distinctValues } from "../values.ts";
import { binaryLoops, selectLoop, unaryLoops } from "./functions.ts";

/** One step: `registers[out] = fn(registers[operands])`. */
type Instruction =
  | { readonly kind: "unary"; readonly fn: UnaryFunction; readonly out: number; readonly operands: readonly number[] }
  | { readonly kind: "binary"; readonly fn: BinaryFunction; readonly out: number; readonly operands: readonly number[] }
  | { readonly kind: "select"; readonly out: number; readonly operands: readonly number[] };

/** Something that stands in a register before the first step. */
export interface Leaf {
  /** Where its values come from: input `index`, scalar `index`, or the constant `value`. */
  readonly source: Extract<Expression, { kind: "input" | "scalar" | "constant" }>;
  /** The register that holds it. */
  readonly register: number;
}

/** Expressions as a straight line of steps over blocks of numbers; equal subexpressions are computed once. */
export interface Program {
  /** What must be loaded first. */
  readonly leaves: readonly Leaf[];
  /** The steps, in order. */
  readonly instructions: readonly Instruction[];
  /** The registers that hold the values of the expressions in the end. */
  readonly outputs: readonly number[];
  /** Number of registers. */
  readonly registers: number;
}

function compile(expressions: readonly Expression[]): Program {
  const { values, outputs } = distinctValues(expressions);
  // A value's register is free again after its last use. Leaves keep theirs, because uniform ones are loaded only once per call, and
  // outputs keep theirs until they are stored.
  const lastUse = new Map<number, number>();
  for (const [step, { operands }] of values.entries()) for (const operand of operands) lastUse.set(operand, step);
  const kept = new Set(outputs);
  const leaves: Leaf[] = [];
  const instructions: Instruction[] = [];
  const registerOf: number[] = [];
  const free: number[] = [];
  let registers = 0;
  for (const [step, { node, operands }] of values.entries()) {
    if (node.kind === "input" || node.kind === "scalar" || node.kind === "constant") {
      registerOf.push(registers++);
      leaves.push({ source: node, register: registerOf[step] });
      kept.add(step);
      continue;
    }
    for (const operand of new Set(operands)) {
      // Steps work element by element, so a result may take the place of its operand.
      if (lastUse.get(operand) === step && !kept.has(operand)) free.push(registerOf[operand]);
    }
    const out = free.pop() ?? registers++;
    registerOf.push(out);
    const from = operands.map((operand) => registerOf[operand]);
    if (node.kind === "select") instructions.push({ kind: "select", out, operands: from });
    else if (node.kind === "unary") instructions.push({ kind: "unary", fn: node.fn, out, operands: from });
    else instructions.push({ kind: "binary", fn: node.fn, out, operands: from });
  }
  return { leaves, instructions, outputs: outputs.map((value) => registerOf[value]), registers };
}

const known = new WeakMap<Expression, { readonly expressions: readonly Expression[]; readonly program: Program }[]>();

/** The program of some expressions, compiled when it is first asked for. */
export function programOf(expressions: readonly Expression[]): Program {
  const [first] = expressions;
  const candidates = known.get(first) ?? [];
  for (const { expressions: others, program } of candidates) {
    if (others.length === expressions.length && others.every((other, k) => other === expressions[k])) return program;
  }
  const program = compile(expressions);
  known.set(first, [...candidates, { expressions: [...expressions], program }]);
  return program;
}

/** Runs the steps over the first `count` elements of the registers. */
export function run(program: Program, registers: readonly Float64Array[], count: number): void {
  for (const step of program.instructions) {
    const out = registers[step.out];
    const [a, b, c] = step.operands;
    if (step.kind === "unary") unaryLoops[step.fn](out, registers[a], count);
    else if (step.kind === "binary") binaryLoops[step.fn](out, registers[a], registers[b], count);
    else selectLoop(out, registers[a], registers[b], registers[c], count);
  }
}
