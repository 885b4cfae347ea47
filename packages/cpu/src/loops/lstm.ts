import {
  allocate,
  type FloatArray,
  type LstmGeometry,
  type LstmStepGradientInputs,
  type LstmStepGradientOutputs,
  type LstmStepInputs,
  type LstmStepOutputs,
  type Storage,
} from "@squall/device";
import { arrayOf, CpuStorage } from "../storage.ts";
import { sigmoid } from "./functions.ts";

/** Peephole weights of every kind, read alike: gate `q` of channel `h` at position `p` is `data[q·gate + h·channel + p·position]`. */
interface Peepholes {
  readonly data: FloatArray;
  readonly gate: number;
  readonly channel: number;
  readonly position: number;
}

const noPeepholes: Peepholes = { data: new Float64Array(1), gate: 0, channel: 0, position: 0 };

function peepholesOf(
  op: string,
  { hidden, positions, peephole }: LstmGeometry,
  storage: Storage | undefined,
): Peepholes {
  if (storage === undefined || peephole === "none") return noPeepholes;
  const data = arrayOf(op, storage);
  if (peephole === "channel") return { data, gate: hidden, channel: 1, position: 0 };
  return { data, gate: hidden * positions, channel: positions, position: 1 };
}

const zero = new Float64Array(1);

/**
 * One step of the (peephole) LSTM: `i = σ(aᵢ + pᵢc)`, `f = σ(a_f + p_f c)`, `g = tanh(a_g)`, `c′ = fc + ig`, `o = σ(aₒ + pₒc′)`,
 * `h′ = o tanh(c′)`, where `a` are the pre-activations of input and state together (Shi et al. 2015, equation 3).
 */
export function lstmStep(geometry: LstmGeometry, inputs: LstmStepInputs): LstmStepOutputs {
  const { batch, hidden, positions } = geometry;
  const op = "lstmStep";
  const state = arrayOf(op, inputs.stateGates);
  const before = arrayOf(op, inputs.cell);
  const input = inputs.inputGates === undefined ? zero : arrayOf(op, inputs.inputGates);
  // Without input gates every place in them becomes 0.
  const [inputOffset, inputStep] = inputs.inputGates === undefined ? [0, 0] : [inputs.inputOffset, 1];
  const peep = peepholesOf(op, geometry, inputs.peephole);
  const weights = peep.data;
  const dtype = inputs.cell.dtype;
  const size = batch * hidden * positions;
  const [h, c, gates] = [allocate(dtype, size), allocate(dtype, size), allocate(dtype, 4 * size)];
  const gateStep = hidden * positions;
  const inputGateStep = gateStep * inputStep;
  for (let n = 0; n < batch; n++) {
    for (let channel = 0; channel < hidden; channel++) {
      const cellRow = (n * hidden + channel) * positions;
      const gateRow = (4 * n * hidden + channel) * positions;
      const inputRow = inputOffset + gateRow * inputStep;
      for (let p = 0; p < positions; p++) {
        const at = gateRow + p;
        const u = inputRow + p * inputStep;
        const w = channel * peep.channel + p * peep.position;
        const old = before[cellRow + p];
        const i = sigmoid(input[u] + state[at] + weights[w] * old);
        const f = sigmoid(input[u + inputGateStep] + state[at + gateStep] + weights[w + peep.gate] * old);
        const g = Math.tanh(input[u + 3 * inputGateStep] + state[at + 3 * gateStep]);
        const cell = f * old + i * g;
        const o = sigmoid(input[u + 2 * inputGateStep] + state[at + 2 * gateStep] + weights[w + 2 * peep.gate] * cell);
        c[cellRow + p] = cell;
        h[cellRow + p] = o * Math.tanh(cell);
        gates[at] = i;
        gates[at + gateStep] = f;
        gates[at + 2 * gateStep] = o;
        gates[at + 3 * gateStep] = g;
      }
    }
  }
  return { hidden: new CpuStorage(h), cell: new CpuStorage(c), gates: new CpuStorage(gates) };
}

/** Gradient of {@link lstmStep} with respect to its pre-activations and the cell state before it. */
export function lstmStepGradient(geometry: LstmGeometry, inputs: LstmStepGradientInputs): LstmStepGradientOutputs {
  const { batch, hidden, positions } = geometry;
  const op = "lstmStepGradient";
  const gates = arrayOf(op, inputs.gates);
  const before = arrayOf(op, inputs.cellBefore);
  const after = arrayOf(op, inputs.cellAfter);
  const hiddenGradient = arrayOf(op, inputs.hiddenGradient);
  const cellGradient = arrayOf(op, inputs.cellGradient);
  const peep = peepholesOf(op, geometry, inputs.peephole);
  const weights = peep.data;
  const dtype = inputs.gates.dtype;
  const size = batch * hidden * positions;
  const [dGates, dBefore] = [allocate(dtype, 4 * size), allocate(dtype, size)];
  const gateStep = hidden * positions;
  for (let n = 0; n < batch; n++) {
    for (let channel = 0; channel < hidden; channel++) {
      const cellRow = (n * hidden + channel) * positions;
      const gateRow = (4 * n * hidden + channel) * positions;
      for (let p = 0; p < positions; p++) {
        const at = gateRow + p;
        const w = channel * peep.channel + p * peep.position;
        const i = gates[at];
        const f = gates[at + gateStep];
        const o = gates[at + 2 * gateStep];
        const g = gates[at + 3 * gateStep];
        const t = Math.tanh(after[cellRow + p]);
        const dh = hiddenGradient[cellRow + p];
        const dO = dh * t * o * (1 - o);
        const dc = cellGradient[cellRow + p] + dh * o * (1 - t * t) + dO * weights[w + 2 * peep.gate];
        const dI = dc * g * i * (1 - i);
        const dF = dc * before[cellRow + p] * f * (1 - f);
        dGates[at] = dI;
        dGates[at + gateStep] = dF;
        dGates[at + 2 * gateStep] = dO;
        dGates[at + 3 * gateStep] = dc * i * (1 - g * g);
        dBefore[cellRow + p] = dc * f + dI * weights[w] + dF * weights[w + peep.gate];
      }
    }
  }
  return { gates: new CpuStorage(dGates), cell: new CpuStorage(dBefore) };
}
