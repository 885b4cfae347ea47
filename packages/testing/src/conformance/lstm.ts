import type { Device, LstmGeometry, Peephole } from "@squall/device";
import { Generator } from "@squall/tensor";
import { type ConformanceCase, expectStorage, perDType, type Tolerance, upload } from "./case.ts";

/** All numbers of one step, in double precision. */
interface Step {
  readonly inputGates: readonly number[] | undefined;
  readonly inputOffset: number;
  readonly stateGates: readonly number[];
  readonly cell: readonly number[];
  readonly peephole: readonly number[] | undefined;
}

interface StepResult {
  readonly hidden: number[];
  readonly cell: number[];
  readonly gates: number[];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The ConvLSTM step of Shi et al. 2015, equation 3, element by element; gates in the order i, f, o, g. */
function referenceStep({ batch, hidden, positions, peephole }: LstmGeometry, step: Step): StepResult {
  const result: StepResult = { hidden: [], cell: [], gates: [] };
  for (let n = 0; n < batch; n++) {
    for (let h = 0; h < hidden; h++) {
      for (let p = 0; p < positions; p++) {
        const at = (n * hidden + h) * positions + p;
        const gateAt = (q: number): number => ((n * 4 + q) * hidden + h) * positions + p;
        const sum = (q: number): number =>
          (step.stateGates[gateAt(q)] ?? 0) + (step.inputGates?.[step.inputOffset + gateAt(q)] ?? 0);
        const peep = (q: number): number => {
          if (peephole === "none") return 0;
          return step.peephole?.[peephole === "channel" ? q * hidden + h : (q * hidden + h) * positions + p] ?? 0;
        };
        const before = step.cell[at] ?? 0;
        const [i, f, g] = [sigmoid(sum(0) + peep(0) * before), sigmoid(sum(1) + peep(1) * before), Math.tanh(sum(3))];
        const after = f * before + i * g;
        const o = sigmoid(sum(2) + peep(2) * after);
        result.cell[at] = after;
        result.hidden[at] = o * Math.tanh(after);
        for (const [q, gate] of [i, f, o, g].entries()) result.gates[gateAt(q)] = gate;
      }
    }
  }
  return result;
}

/** How `sum(hidden·hg) + sum(cell·cg)` changes with each number of a list, by central differences of the reference. */
function numericalGradient(values: readonly number[], objective: (values: readonly number[]) => number): number[] {
  const h = 1e-6;
  return values.map(
    (value, k) => (objective(values.with(k, value + h)) - objective(values.with(k, value - h))) / (2 * h),
  );
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);

/** The LSTM step and its gradient, for every kind of peephole, with and without an input. */
export function lstmCases(
  device: Device,
  tolerances: Readonly<Record<"float32" | "float64", Tolerance>>,
): ConformanceCase[] {
  const { kernels } = device;
  const make = (peephole: Peephole, withInput: boolean): ConformanceCase[] =>
    perDType(device, `lstmStep, peephole ${peephole}, ${withInput ? "with" : "without"} input`, async (dtype, what) => {
      const geometry: LstmGeometry = { batch: 2, hidden: 3, positions: 2, peephole };
      const generator = new Generator(7);
      const numbers = (length: number): number[] => Array.from({ length }, () => Math.fround(generator.normal()));
      const size = 12;
      const step: Step = {
        // Three steps of which the second is taken.
        inputGates: withInput ? numbers(3 * 4 * size) : undefined,
        inputOffset: withInput ? 4 * size : 0,
        stateGates: numbers(4 * size),
        cell: numbers(size),
        peephole: peephole === "none" ? undefined : numbers(peephole === "channel" ? 9 : 18),
      };
      const on = (values: readonly number[] | undefined): ReturnType<typeof upload> | undefined =>
        values && upload(device, dtype, values);
      const stateGates = upload(device, dtype, step.stateGates);
      const cell = upload(device, dtype, step.cell);
      const peepholes = on(step.peephole);
      const inputs = {
        inputGates: on(step.inputGates),
        inputOffset: step.inputOffset,
        stateGates,
        cell,
        peephole: peepholes,
      };
      const got = kernels.lstmStep(geometry, inputs);
      const want = referenceStep(geometry, step);
      const tolerance = tolerances[dtype];
      await expectStorage(`${what}, hidden`, got.hidden, want.hidden, tolerance);
      await expectStorage(`${what}, cell`, got.cell, want.cell, tolerance);
      await expectStorage(`${what}, gates`, got.gates, want.gates, tolerance);
      await expectStorage(`${what}, cell before`, cell, step.cell);

      const [hiddenGradient, cellGradient] = [numbers(size), numbers(size)];
      const gradients = kernels.lstmStepGradient(geometry, {
        gates: got.gates,
        cellBefore: cell,
        cellAfter: got.cell,
        hiddenGradient: upload(device, dtype, hiddenGradient),
        cellGradient: upload(device, dtype, cellGradient),
        peephole: peepholes,
      });
      const objective = (changed: Step): number => {
        const result = referenceStep(geometry, changed);
        return dot(result.hidden, hiddenGradient) + dot(result.cell, cellGradient);
      };
      // Finite differences are good to about 1e-9; the kernel may not be asked for more.
      const close: Tolerance = { atol: Math.max(tolerance.atol, 1e-7), rtol: Math.max(tolerance.rtol, 1e-7) };
      const byGates = numericalGradient(step.stateGates, (values) => objective({ ...step, stateGates: values }));
      const byCell = numericalGradient(step.cell, (values) => objective({ ...step, cell: values }));
      await expectStorage(`${what}, gradient of gates`, gradients.gates, byGates, close);
      await expectStorage(`${what}, gradient of cell`, gradients.cell, byCell, close);
    });
  const saturated = perDType(device, "lstmStep saturates without NaN", async (dtype, what) => {
    const geometry: LstmGeometry = { batch: 1, hidden: 1, positions: 2, peephole: "none" };
    const inputs = {
      inputGates: undefined,
      inputOffset: 0,
      stateGates: upload(device, dtype, [1e4, -1e4, 1e4, -1e4, 1e4, -1e4, 1e4, -1e4]),
      cell: upload(device, dtype, [2, 3]),
      peephole: undefined,
    };
    const { hidden, cell } = kernels.lstmStep(geometry, inputs);
    await expectStorage(`${what}, cell`, cell, [3, 0], { atol: 1e-6, rtol: 1e-6 });
    await expectStorage(`${what}, hidden`, hidden, [Math.tanh(3), 0], { atol: 1e-6, rtol: 1e-6 });
  });
  return [
    ...make("none", true),
    ...make("none", false),
    ...make("channel", true),
    ...make("channel", false),
    ...make("full", true),
    ...make("full", false),
    ...saturated,
  ];
}
