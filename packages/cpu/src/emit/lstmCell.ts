import type { Code, Local } from "../assembler/code.ts";
import type { VectorMath } from "./functions.ts";

/** One variable for each gate. */
export interface Gates {
  readonly input: Local;
  readonly forget: Local;
  readonly output: Local;
  readonly candidate: Local;
}

/** Peephole weights at the positions of a vector. */
export type Peepholes = Omit<Gates, "candidate">;

/** Variables for four gates. */
export function gateLocals(code: Code): Gates {
  const [input, forget, output, candidate] = code.localList("v128", 4);
  return { input, forget, output, candidate };
}

/** `sum += weight · value` */
function addPeephole(code: Code, sum: Local, weight: Local, value: Local): void {
  code.get(sum).get(weight).get(value).op("f32x4.mul").op("f32x4.add").set(sum);
}

/**
 * One step of the LSTM over a vector of cells: `i = σ(aᵢ + pᵢc)`, `f = σ(a_f + p_f c)`, `g = tanh(a_g)`, `c′ = fc + ig`,
 * `o = σ(aₒ + pₒc′)`, `h′ = o tanh(c′)`.
 * @param gates - the pre-activations `a`, replaced by the gates
 * @param cell - `c`, replaced by `c′`
 * @param hidden - gets `h′`
 * @param peepholes - `p`, or none
 */
export function lstmCell(
  code: Code,
  math: VectorMath,
  gates: Gates,
  cell: Local,
  hidden: Local,
  peepholes: Peepholes | undefined,
): void {
  const { input, forget, output, candidate } = gates;
  if (peepholes !== undefined) {
    addPeephole(code, input, peepholes.input, cell);
    addPeephole(code, forget, peepholes.forget, cell);
  }
  math.sigmoid(input);
  code.set(input);
  math.sigmoid(forget);
  code.set(forget);
  math.tanh(candidate);
  code.set(candidate);
  code.get(forget).get(cell).op("f32x4.mul").get(input).get(candidate).op("f32x4.mul").op("f32x4.add").set(cell);
  if (peepholes !== undefined) addPeephole(code, output, peepholes.output, cell);
  math.sigmoid(output);
  code.set(output);
  math.tanh(cell);
  code.get(output).op("f32x4.mul").set(hidden);
}

/** What {@link lstmCellGradient} reads besides the gates. */
export interface LstmCellStates {
  /** The cell state before the step. */
  readonly before: Local;
  /** The cell state after the step. */
  readonly after: Local;
  /** Gradient of the hidden state after the step. */
  readonly hiddenGradient: Local;
  /** Gradient of the cell state after the step; replaced by that of the state before it. */
  readonly cellGradient: Local;
}

/**
 * Gradient of {@link lstmCell}.
 * @param gates - the gates, replaced by the gradients of their pre-activations
 */
export function lstmCellGradient(
  code: Code,
  math: VectorMath,
  gates: Gates,
  states: LstmCellStates,
  peepholes: Peepholes | undefined,
): void {
  const { input, forget, output, candidate } = gates;
  const { before, after, hiddenGradient: dh, cellGradient: dc } = states;
  const one = code.constant(1);
  const [t, dInput, dForget] = code.localList("v128", 3);
  /** Pops a gradient, pushes it times `gate · (1 - gate)`. */
  const throughSigmoid = (gate: Local): Code =>
    code.get(gate).op("f32x4.mul").get(one).get(gate).op("f32x4.sub").op("f32x4.mul");
  math.tanh(after);
  code.set(t);
  // The part that reaches the cell state through tanh, then through the output gate's peephole.
  code.get(dc).get(dh).get(output).op("f32x4.mul");
  code.get(one).get(t).get(t).op("f32x4.mul").op("f32x4.sub").op("f32x4.mul").op("f32x4.add").set(dc);
  code.get(dh).get(t).op("f32x4.mul");
  throughSigmoid(output).set(output);
  if (peepholes !== undefined) addPeephole(code, dc, peepholes.output, output);
  code.get(dc).get(candidate).op("f32x4.mul");
  throughSigmoid(input).set(dInput);
  code.get(dc).get(before).op("f32x4.mul");
  throughSigmoid(forget).set(dForget);
  code.get(dc).get(input).op("f32x4.mul").get(one).get(candidate).get(candidate).op("f32x4.mul").op("f32x4.sub");
  code.op("f32x4.mul").set(candidate);
  code.get(dc).get(forget).op("f32x4.mul").set(dc);
  code.get(dInput).set(input).get(dForget).set(forget);
  if (peepholes !== undefined) {
    addPeephole(code, dc, peepholes.input, input);
    addPeephole(code, dc, peepholes.forget, forget);
  }
}
