import type {
  LstmGeometry,
  LstmStepGradientInputs,
  LstmStepGradientOutputs,
  LstmStepInputs,
  LstmStepOutputs,
  Storage,
} from "@squall/device";
import { vectorsFor } from "../dispatch.ts";
import { emitLstmStep, emitLstmStepGradient, type LstmPlaces } from "../emit/lstmStep.ts";
import { lstmStepGradient as gradientByLoops, lstmStep as stepByLoops } from "../loops/lstm.ts";
import { CpuStorage } from "../storage.ts";
import { kernelMemory, slotFloats, slotPlace } from "./kernelMemory.ts";
import { Stage } from "./stage.ts";

/** Slots of each operand, as {@link LstmPlaces}. */
const slotOf = { gates: [0, 1, 2, 3], inputGates: [4, 5, 6, 7], cell: 8, hidden: 9, after: 10, cellGradient: 11 };
const peepholeSlots = [12, 13, 14];
/** Cells worked on at a time. With so many operands, fewer than a slot holds stay nearer to the processor. */
const blockCells: number = slotFloats / 2;

function places(inputGates: boolean, peepholes: boolean): LstmPlaces {
  return {
    gates: slotOf.gates.map(slotPlace),
    inputGates: inputGates ? slotOf.inputGates.map(slotPlace) : [],
    peepholes: peepholes ? peepholeSlots.map(slotPlace) : [],
    cell: slotPlace(slotOf.cell),
    hidden: slotPlace(slotOf.hidden),
    after: slotPlace(slotOf.after),
    cellGradient: slotPlace(slotOf.cellGradient),
  };
}

/** Some arrays as vectors take them, or `undefined`; absent ones stay absent. */
function arraysOf(
  op: string,
  storages: readonly (Storage | undefined)[],
): readonly (Float32Array | undefined)[] | undefined {
  const present = storages.filter((storage) => storage !== undefined);
  const arrays = vectorsFor(op, present);
  if (arrays === undefined) return undefined;
  let at = 0;
  return storages.map((storage) => (storage === undefined ? undefined : arrays[at++]));
}

/** Readers of the three peephole weights of every cell of a sample. */
function peepholeStages({ hidden, positions, peephole }: LstmGeometry, weights: Float32Array | undefined): Stage[] {
  if (weights === undefined || peephole === "none") return [];
  const strides = peephole === "channel" ? [1, 0] : [positions, 1];
  const size = peephole === "channel" ? hidden : hidden * positions;
  return [0, 1, 2].map(
    (gate) => new Stage(weights.subarray(gate * size, (gate + 1) * size), [hidden, positions], strides),
  );
}

/**
 * Calls `block(sample, first, count)` for blocks of cells that lie one after the other in every operand, those of one place in all samples
 * in a row.
 */
function eachBlock(
  { batch, hidden, positions }: LstmGeometry,
  peepholes: readonly Stage[],
  block: (sample: number, first: number, count: number) => void,
): void {
  const { slots } = kernelMemory();
  const cells = hidden * positions;
  for (let first = 0; first < cells; first += blockCells) {
    const count = Math.min(blockCells, cells - first);
    for (const [k, stage] of peepholes.entries()) stage.read(first, count, slots[peepholeSlots[k]]);
    for (let n = 0; n < batch; n++) block(n, first, count);
  }
}

/** One step of the (peephole) LSTM: in vectors or by the loops, which say what it computes. */
export function lstmStep(geometry: LstmGeometry, inputs: LstmStepInputs): LstmStepOutputs {
  const arrays = arraysOf("lstmStep", [inputs.stateGates, inputs.cell, inputs.inputGates, inputs.peephole]);
  if (arrays === undefined) return stepByLoops(geometry, inputs);
  const [state, before, input, weights] = arrays;
  if (state === undefined || before === undefined) return stepByLoops(geometry, inputs);
  const { batch, hidden, positions } = geometry;
  const cells = hidden * positions;
  const peepholes = peepholeStages(geometry, cells === 0 ? undefined : weights);
  const [withInput, withPeepholes] = [input !== undefined, peepholes.length > 0];
  const memory = kernelMemory();
  const { slots } = memory;
  const run = memory.kernel(`lstmStep ${withInput} ${withPeepholes}`, () =>
    emitLstmStep(places(withInput, withPeepholes), memory.features.fused),
  );
  const [h, c] = [new Float32Array(batch * cells), new Float32Array(batch * cells)];
  const gates = new Float32Array(4 * batch * cells);
  eachBlock(geometry, peepholes, (n, first, count) => {
    for (let gate = 0; gate < 4; gate++) {
      const from = (4 * n + gate) * cells + first;
      slots[slotOf.gates[gate]].set(state.subarray(from, from + count));
      if (input === undefined) continue;
      const place = inputs.inputOffset + from;
      slots[slotOf.inputGates[gate]].set(input.subarray(place, place + count));
    }
    const at = n * cells + first;
    slots[slotOf.cell].set(before.subarray(at, at + count));
    run(0, (count + 3) >> 2);
    for (let gate = 0; gate < 4; gate++) {
      gates.set(slots[slotOf.gates[gate]].subarray(0, count), (4 * n + gate) * cells + first);
    }
    c.set(slots[slotOf.cell].subarray(0, count), at);
    h.set(slots[slotOf.hidden].subarray(0, count), at);
  });
  return { hidden: new CpuStorage(h), cell: new CpuStorage(c), gates: new CpuStorage(gates) };
}

/** Gradient of {@link lstmStep}. */
export function lstmStepGradient(geometry: LstmGeometry, inputs: LstmStepGradientInputs): LstmStepGradientOutputs {
  const { cellBefore, cellAfter, hiddenGradient, cellGradient } = inputs;
  const all = [inputs.gates, cellBefore, cellAfter, hiddenGradient, cellGradient, inputs.peephole];
  const [activated, ...rest] = arraysOf("lstmStepGradient", all) ?? [];
  if (activated === undefined) return gradientByLoops(geometry, inputs);
  const weights = rest.pop();
  const { batch, hidden, positions } = geometry;
  const cells = hidden * positions;
  const peepholes = peepholeStages(geometry, cells === 0 ? undefined : weights);
  const withPeepholes = peepholes.length > 0;
  const memory = kernelMemory();
  const { slots } = memory;
  const run = memory.kernel(`lstmStepGradient ${withPeepholes}`, () =>
    emitLstmStepGradient(places(false, withPeepholes), memory.features.fused),
  );
  const stateSlots = [slotOf.cell, slotOf.after, slotOf.hidden, slotOf.cellGradient];
  const [dGates, dBefore] = [new Float32Array(4 * batch * cells), new Float32Array(batch * cells)];
  eachBlock(geometry, peepholes, (n, first, count) => {
    for (let gate = 0; gate < 4; gate++) {
      const from = (4 * n + gate) * cells + first;
      slots[slotOf.gates[gate]].set(activated.subarray(from, from + count));
    }
    const at = n * cells + first;
    for (const [k, data] of rest.entries()) {
      if (data !== undefined) slots[stateSlots[k]].set(data.subarray(at, at + count));
    }
    run(0, (count + 3) >> 2);
    for (let gate = 0; gate < 4; gate++) {
      dGates.set(slots[slotOf.gates[gate]].subarray(0, count), (4 * n + gate) * cells + first);
    }
    dBefore.set(slots[slotOf.cellGradient].subarray(0, count), at);
  });
  return { gates: new CpuStorage(dGates), cell: new CpuStorage(dBefore) };
}
