import type { LstmGeometry, Peephole, Storage } from "@squall/device";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { features } from "../src/features.ts";
import { cpu } from "../src/index.ts";
import { by, dot, dtype, expectClose, numbers, sample, seed, takePath, values } from "./samples.ts";

const { lstmStep, lstmStepGradient } = cpu.kernels;

const geometries: fc.Arbitrary<LstmGeometry> = fc.record({
  batch: fc.nat(3),
  hidden: fc.integer({ min: 1, max: 3 }),
  positions: fc.integer({ min: 1, max: 5 }),
  peephole: fc.constantFrom<Peephole>("none", "channel", "full"),
});

function peepholeSize({ hidden, positions, peephole }: LstmGeometry): number {
  return peephole === "none" ? 0 : 3 * hidden * (peephole === "full" ? positions : 1);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** One position by the textbook: pre-activations and peepholes in the order i, f, o, g. */
function scalarStep(pre: readonly number[], peep: readonly number[], cell: number) {
  const i = sigmoid(pre[0] + peep[0] * cell);
  const f = sigmoid(pre[1] + peep[1] * cell);
  const g = Math.tanh(pre[3]);
  const next = f * cell + i * g;
  const o = sigmoid(pre[2] + peep[2] * next);
  return { gates: [i, f, o, g], cell: next, hidden: o * Math.tanh(next) };
}

/** Calls `visit` for every position with the places of its cell, its four gates and its three peepholes. */
function forEachPosition(
  { batch, hidden, positions, peephole }: LstmGeometry,
  visit: (cell: number, gates: number[], peepholes: number[]) => void,
): void {
  for (let n = 0; n < batch; n++) {
    for (let h = 0; h < hidden; h++) {
      for (let p = 0; p < positions; p++) {
        visit(
          (n * hidden + h) * positions + p,
          [0, 1, 2, 3].map((q) => ((n * 4 + q) * hidden + h) * positions + p),
          [0, 1, 2].map((q) => (peephole === "full" ? (q * hidden + h) * positions + p : q * hidden + h)),
        );
      }
    }
  }
}

describe("lstmStep by the loops", () => {
  takePath("loops");

  it("agrees with the scalar equations, with and without input gates and peepholes", () => {
    fc.assert(
      fc.property(dtype, geometries, fc.boolean(), fc.nat(2), seed, (type, geometry, withInput, step, start) => {
        const size = geometry.batch * geometry.hidden * geometry.positions;
        const stateGates = sample(type, 4 * size, start);
        const cell = sample(type, size, start + 1);
        const inputGates = withInput ? sample(type, 3 * 4 * size, start + 2) : undefined;
        const peephole = geometry.peephole === "none" ? undefined : sample(type, peepholeSize(geometry), start + 3);
        const inputOffset = step * 4 * size;
        const got = lstmStep(geometry, { inputGates, inputOffset, stateGates, cell, peephole });

        const want = {
          hidden: new Float64Array(size),
          cell: new Float64Array(size),
          gates: new Float64Array(4 * size),
        };
        const [states, cells] = [values(stateGates), values(cell)];
        const inputs = inputGates === undefined ? undefined : values(inputGates);
        const weights = peephole === undefined ? undefined : values(peephole);
        forEachPosition(geometry, (c, gates, peepholes) => {
          const pre = gates.map((at) => states[at] + (inputs?.[inputOffset + at] ?? 0));
          const one = scalarStep(
            pre,
            peepholes.map((at) => weights?.[at] ?? 0),
            cells[c],
          );
          want.hidden[c] = one.hidden;
          want.cell[c] = one.cell;
          for (const [q, at] of gates.entries()) want.gates[at] = one.gates[q];
        });
        expectClose(got.hidden, want.hidden);
        expectClose(got.cell, want.cell);
        expectClose(got.gates, want.gates);
        expect([got.hidden.dtype, got.cell.dtype, got.gates.dtype]).toEqual([type, type, type]);
      }),
      { numRuns: 150 },
    );
  });
});

describe("lstmStepGradient by the loops", () => {
  takePath("loops");

  it("agrees with central differences of lstmStep", () => {
    fc.assert(
      fc.property(geometries, seed, (geometry, start) => {
        const size = geometry.batch * geometry.hidden * geometry.positions;
        const pre = numbers("float64", 4 * size, start);
        const cell = numbers("float64", size, start + 1);
        const peephole =
          geometry.peephole === "none" ? undefined : sample("float64", peepholeSize(geometry), start + 2);
        const hiddenGradient = sample("float64", size, start + 3);
        const cellGradient = sample("float64", size, start + 4);
        const step = () =>
          lstmStep(geometry, {
            inputGates: undefined,
            inputOffset: 0,
            stateGates: cpu.upload(pre),
            cell: cpu.upload(cell),
            peephole,
          });
        const loss = (): number => {
          const { hidden, cell: after } = step();
          return dot(values(hidden), values(hiddenGradient)) + dot(values(after), values(cellGradient));
        };
        const { gates, cell: cellAfter } = step();
        const cellBefore = cpu.upload(cell);
        const got = lstmStepGradient(geometry, {
          gates,
          cellBefore,
          cellAfter,
          hiddenGradient,
          cellGradient,
          peephole,
        });
        const compare = (storage: Storage, operand: { [i: number]: number; length: number }): void => {
          expect(storage.length).toBe(operand.length);
          for (const [i, gradient] of values(storage).entries()) {
            const [old, h] = [operand[i], 1e-5];
            operand[i] = old + h;
            const above = loss();
            operand[i] = old - h;
            const below = loss();
            operand[i] = old;
            expect(Math.abs(gradient - (above - below) / (2 * h))).toBeLessThan(1e-7);
          }
        };
        compare(got.gates, pre);
        compare(got.cell, cell);
      }),
      { numRuns: 60 },
    );
  });

  it("rounds float32 once", () => {
    const geometry = { batch: 2, hidden: 3, positions: 4, peephole: "channel" } as const;
    const size = 24;
    const names = ["gates", "cellBefore", "cellAfter", "hiddenGradient", "cellGradient", "peephole"] as const;
    const lengths = [4 * size, size, size, size, size, 9];
    const inputs = (type: "float32" | "float64") => {
      const [gates, cellBefore, cellAfter, hiddenGradient, cellGradient, peephole] = names.map((_, k) =>
        sample(type, lengths[k], k + 1),
      );
      return { gates, cellBefore, cellAfter, hiddenGradient, cellGradient, peephole };
    };
    const exact = lstmStepGradient(geometry, inputs("float64"));
    const rounded = lstmStepGradient(geometry, inputs("float32"));
    expect(values(rounded.gates)).toEqual(new Float32Array(values(exact.gates)));
    expect(values(rounded.cell)).toEqual(new Float32Array(values(exact.cell)));
  });
});

/** Expects numbers of about 1 to agree to some roundings of float32. */
function expectNear(got: Storage, want: Storage): void {
  expect([got.dtype, got.length]).toEqual([want.dtype, want.length]);
  const [a, b] = [values(got), values(want)];
  for (const [i, x] of a.entries()) {
    if (Math.abs(x - b[i]) <= 2e-6 * Math.max(1, Math.abs(b[i]))) continue;
    expect.fail(`element ${i} of ${a.length}: got ${x}, want ${b[i]}`);
  }
}

describe.runIf(features().simd)("vectors", () => {
  takePath("auto");

  it("agree with the loops, forward and backward, in cells of any number", () => {
    const sizes = fc.record({
      batch: fc.nat(3),
      hidden: fc.integer({ min: 1, max: 5 }),
      positions: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 400, max: 1700 })),
      peephole: fc.constantFrom<Peephole>("none", "channel", "full"),
    });
    fc.assert(
      fc.property(sizes, fc.boolean(), fc.nat(2), seed, (geometry, withInput, step, start) => {
        const size = geometry.batch * geometry.hidden * geometry.positions;
        const of = (length: number, k: number): Storage => sample("float32", length, start + k);
        const inputs = {
          stateGates: of(4 * size, 0),
          cell: of(size, 1),
          inputGates: withInput ? of(12 * size, 2) : undefined,
          inputOffset: step * 4 * size,
          peephole: geometry.peephole === "none" ? undefined : of(peepholeSize(geometry), 3),
        };
        const both = <T>(run: () => T): [T, T] => [run(), by("loops", run)];
        const [got, want] = both(() => lstmStep(geometry, inputs));
        for (const name of ["hidden", "cell", "gates"] as const) expectNear(got[name], want[name]);
        const [gotGradient, wantGradient] = both(() =>
          lstmStepGradient(geometry, {
            gates: want.gates,
            cellBefore: inputs.cell,
            cellAfter: want.cell,
            hiddenGradient: of(size, 4),
            cellGradient: of(size, 5),
            peephole: inputs.peephole,
          }),
        );
        for (const name of ["gates", "cell"] as const) expectNear(gotGradient[name], wantGradient[name]);
      }),
      { numRuns: 80 },
    );
  });
});
