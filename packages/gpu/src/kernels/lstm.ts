import type { Kernels } from "@squall/device";
import { cellGradientSource, cellSource, gateGradientSource, gatesSource, hiddenSource } from "../emit/lstm.ts";
import type { Runtime } from "../runtime.ts";

/** One step of an LSTM and its gradient, a kernel for each result. */
export function lstmKernels(runtime: Runtime): Pick<Kernels, "lstmStep" | "lstmStepGradient"> {
  const { target } = runtime.engine;
  return {
    lstmStep: (geometry, { inputGates, inputOffset, stateGates, cell, peephole }) => {
      const op = "lstmStep";
      const key = JSON.stringify(geometry);
      const before = runtime.own(op, cell);
      const fromInput = inputGates && runtime.own(op, inputGates);
      const peepholes = peephole && runtime.own(op, peephole);
      const size = geometry.batch * geometry.hidden * geometry.positions;
      const gates = runtime.run(
        {
          op,
          key: `gates ${fromInput !== undefined} ${key}`,
          source: () => gatesSource(geometry, fromInput !== undefined, target),
          inputs: [runtime.own(op, stateGates), before, fromInput, peepholes].filter((each) => each !== undefined),
          scalars: fromInput === undefined ? [] : [inputOffset],
        },
        4 * size,
      );
      const after = runtime.run(
        { op, key: `cell ${key}`, source: () => cellSource(geometry, target), inputs: [gates, before] },
        size,
      );
      const hidden = runtime.run(
        { op, key: `hidden ${key}`, source: () => hiddenSource(geometry, target), inputs: [gates, after] },
        size,
      );
      return { hidden, cell: after, gates };
    },
    lstmStepGradient: (geometry, { gates, cellBefore, cellAfter, hiddenGradient, cellGradient, peephole }) => {
      const op = "lstmStepGradient";
      const key = JSON.stringify(geometry);
      const inputs = [gates, cellBefore, cellAfter, hiddenGradient, cellGradient, peephole]
        .filter((each) => each !== undefined)
        .map((each) => runtime.own(op, each));
      const size = geometry.batch * geometry.hidden * geometry.positions;
      return {
        gates: runtime.run(
          { op, key: `gateGradient ${key}`, source: () => gateGradientSource(geometry, target), inputs },
          4 * size,
        ),
        cell: runtime.run(
          { op, key: `cellGradient ${key}`, source: () => cellGradientSource(geometry, target), inputs },
          size,
        ),
      };
    },
  };
}
