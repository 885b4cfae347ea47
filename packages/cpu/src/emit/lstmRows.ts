import type { Code, Local } from "../assembler/code.ts";
import type { Module } from "../assembler/module.ts";
import { VectorMath } from "./functions.ts";
import { gateLocals, lstmCell, lstmCellGradient, type Peepholes } from "./lstmCell.ts";

const vectorBytes = 16;
/** Hidden channels whose four gates lie together among the outputs of a ConvLSTM's convolution: `[H / 8][i, f, o, g][8]`. */
export const gateBlock = 8;
/** Gate outputs of such a block. */
export const gateUnit: number = 4 * gateBlock;

const gateNames = ["input", "forget", "output", "candidate"] as const;
const peepholeNames = ["input", "forget", "output"] as const;

/** How rows of pixels lie for the gate kernels. Channels of states are filled up to whole vectors; the rest stays 0. */
export interface LstmRow {
  /** Vectors of hidden channels that a call does. */
  readonly quads: number;
  /** Vectors of hidden channels that there are. */
  readonly allQuads: number;
  /** Pixels. */
  readonly width: number;
  /** Bytes from a pixel of the convolution's results to the next. */
  readonly results: number;
  /** Bytes from a pixel of the frame that is written to the next. */
  readonly frame: number;
  /** Peepholes: none, one per channel `[3, H]`, or one per position `[pixel, 3, H]`. */
  readonly peephole: "none" | "channel" | "full";
  /** Multiply and add in one rounding. */
  readonly fused: boolean;
}

/** Bytes of the states of a pixel. */
export function stateBytes({ allQuads }: Pick<LstmRow, "allQuads">): number {
  return allQuads * vectorBytes;
}

/** Calls `body` for each vector of channels; `step` moves what goes along from one to the next. */
function forQuads(code: Code, quads: number, body: () => void, step: (withinBlock: boolean) => void): void {
  const perBlock = gateBlock / 4;
  code.repeat(Math.floor(quads / perBlock), () => {
    code.repeat(perBlock, () => {
      body();
      step(true);
    });
    step(false);
  });
  code.repeat(quads % perBlock, () => {
    body();
    step(true);
  });
}

/** Calls `body` for each pixel with copies of the addresses, which then move on by their steps. */
function forPixels(
  code: Code,
  width: number,
  steps: readonly (readonly [from: Local, copy: Local, step: number])[],
  body: () => void,
): void {
  for (const [from, copy] of steps) code.get(from).set(copy);
  code.repeat(width, () => {
    body();
    for (const [, copy, step] of steps) code.advance(copy, step);
  });
}

/** Loads three peephole weights, `state` bytes apart. */
function loadPeepholes(code: Code, at: Local, state: number, into: Peepholes): void {
  for (const [k, name] of peepholeNames.entries()) code.load(at, k * state).set(into[name]);
}

/**
 * Adds a function `(results, cellBefore, cellAfter, hidden, gates, bias, peephole)`: the LSTM step of a row of pixels, of which `results`
 * are the pre-activations without bias, in the order of {@link gateUnit}, as is the bias. `hidden` is in a frame; `gates` gets
 * `[pixel, 4, H]` if `keep`.
 * @returns the function's number
 */
export function addLstmRow(module: Module, name: string, row: LstmRow, keep: boolean): number {
  const { quads, width, peephole, fused } = row;
  const state = stateBytes(row);
  return module.add(name, 7, (code) => {
    const [results, before, after, hidden, gates, bias, peepholes] = code.parameters;
    const [p, b, a, h, g, w] = code.localList("i32", 6);
    const math = new VectorMath(code, fused);
    const values = gateLocals(code);
    const biases = gateLocals(code);
    const weights = gateLocals(code);
    const [cell, output] = code.localList("v128", 2);
    const body = (): void => {
      for (const [k, gate] of gateNames.entries()) code.load(bias, k * gateBlock * 4).set(biases[gate]);
      if (peephole === "channel") loadPeepholes(code, peepholes, state, weights);
      const steps: [Local, Local, number][] = [
        [results, p, row.results],
        [before, b, state],
        [after, a, state],
        [hidden, h, row.frame],
      ];
      if (keep) steps.push([gates, g, 4 * state]);
      if (peephole === "full") steps.push([peepholes, w, 3 * state]);
      forPixels(code, width, steps, () => {
        for (const [k, gate] of gateNames.entries()) {
          code
            .load(p, k * gateBlock * 4)
            .get(biases[gate])
            .op("f32x4.add")
            .set(values[gate]);
        }
        code.load(b, 0).set(cell);
        if (peephole === "full") loadPeepholes(code, w, state, weights);
        lstmCell(code, math, values, cell, output, peephole === "none" ? undefined : weights);
        code.store(a, 0, cell).store(h, 0, output);
        if (keep) for (const [k, gate] of gateNames.entries()) code.store(g, k * state, values[gate]);
      });
    };
    forQuads(code, quads, body, (within) => {
      if (within) {
        for (const at of [results, before, after, hidden, gates, bias, peepholes]) code.advance(at, vectorBytes);
      } else {
        for (const at of [results, bias]) code.advance(at, (gateUnit - gateBlock) * 4);
      }
    });
  });
}

/** Sums that {@link addLstmRowGradient} adds to: gradients of the biases of the four gates and of the three peepholes. */
export const gradientSums = 7;

/**
 * Adds a function `(results, outputGradient, gates, cellBefore, cellAfter, cellGradient, frame, sums, peephole, positionSums)`: the gradient
 * of a row of pixels.
 *
 * `results` is the gradient of the hidden state that comes back through the next step, `outputGradient` (`[pixel, H]`) the one from outside.
 * `cellGradient` is replaced by that of the state before. `frame` gets the gradients of the pre-activations, `[4, H]` a pixel. `sums`
 * (`[7, H]`) is added to; for peepholes per position so is `positionSums` (`[pixel, 3, H]`).
 * @returns the function's number
 */
export function addLstmRowGradient(module: Module, name: string, row: LstmRow): number {
  const { quads, width, peephole, fused } = row;
  const state = stateBytes(row);
  return module.add(name, 10, (code) => {
    const [results, outer, gates, before, after, cellGradient, frame, sums, peepholes, positionSums] = code.parameters;
    const [p, d, g, b, a, c, f, w, s] = code.localList("i32", 9);
    const math = new VectorMath(code, fused);
    const values = gateLocals(code);
    const weights = gateLocals(code);
    const states = {
      before: code.local("v128"),
      after: code.local("v128"),
      hiddenGradient: code.local("v128"),
      cellGradient: code.local("v128"),
    };
    const totals = code.localList("v128", gradientSums);
    const last = code.local("v128");
    const add = (total: Local, gate: Local, factor?: Local): void => {
      code.get(total).get(gate);
      if (factor !== undefined) code.get(factor).op("f32x4.mul");
      code.op("f32x4.add").set(total);
    };
    const body = (): void => {
      const summed = peephole === "channel" ? gradientSums : 4;
      for (let k = 0; k < summed; k++) code.load(sums, k * state).set(totals[k]);
      if (peephole === "channel") loadPeepholes(code, peepholes, state, weights);
      const steps: [Local, Local, number][] = [
        [results, p, row.results],
        [outer, d, state],
        [gates, g, 4 * state],
        [before, b, state],
        [after, a, state],
        [cellGradient, c, state],
        [frame, f, row.frame],
      ];
      if (peephole === "full") steps.push([peepholes, w, 3 * state], [positionSums, s, 3 * state]);
      forPixels(code, width, steps, () => {
        code.load(p, 0).load(d, 0).op("f32x4.add").set(states.hiddenGradient);
        code.load(c, 0).set(states.cellGradient);
        code.load(b, 0).set(states.before);
        code.load(a, 0).set(states.after);
        for (const [k, gate] of gateNames.entries()) code.load(g, k * state).set(values[gate]);
        if (peephole === "full") loadPeepholes(code, w, state, weights);
        lstmCellGradient(code, math, values, states, peephole === "none" ? undefined : weights);
        code.store(c, 0, states.cellGradient);
        for (const [k, gate] of gateNames.entries()) {
          code.store(f, k * state, values[gate]);
          add(totals[k], values[gate]);
        }
        if (peephole === "none") return;
        // i and f look at the cell state before the step, o at the one after.
        for (const [k, gate] of peepholeNames.entries()) {
          const cell = k === 2 ? a : b;
          code.load(cell, 0).set(last);
          if (peephole === "channel") add(totals[4 + k], values[gate], last);
          else {
            code
              .load(s, k * state)
              .get(values[gate])
              .get(last)
              .op("f32x4.mul")
              .op("f32x4.add")
              .set(last);
            code.store(s, k * state, last);
          }
        }
      });
      for (let k = 0; k < summed; k++) code.store(sums, k * state, totals[k]);
    };
    forQuads(code, quads, body, (within) => {
      if (!within) return;
      for (const at of code.parameters) code.advance(at, vectorBytes);
    });
  });
}
