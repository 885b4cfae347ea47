import { type LstmGeometry, type Peephole, sizeOf } from "@squall/device";
import { defineMultiOutputOp, type GradientContext, isGradEnabled, Tensor } from "@squall/tensor";
import { at } from "../at.ts";
import { type LSTMState, updateState, weightPeepholes } from "./gates.ts";
import { peepholeGradient } from "./peepholeGradient.ts";
import { plainGradient } from "./plainGradient.ts";

/** What a device makes of pre-activations and a cell state. */
function run(
  geometry: LstmGeometry,
  gates: Tensor,
  c: Tensor,
  peephole: Tensor | undefined,
): { readonly hidden: Tensor["storage"]; readonly cell: Tensor["storage"]; readonly gates: Tensor["storage"] } {
  const inputs = { inputGates: undefined, inputOffset: 0, stateGates: gates.storage, cell: c.storage };
  return gates.device.kernels.lstmStep(geometry, { ...inputs, peephole: peephole?.storage });
}

/** By the device's kernel. Gates are squashed once more rather than kept: pre-activations are saved anyhow, for gradients of gradients. */
function kernelGradient(context: GradientContext<LstmGeometry>): (Tensor | undefined)[] {
  const { args: geometry } = context;
  const [gates, c] = [context.input(0), context.input(1)];
  const peephole = geometry.peephole === "none" ? undefined : context.input(2);
  const after = run(geometry, gates, c, peephole);
  const before = gates.device.kernels.lstmStepGradient(geometry, {
    gates: after.gates,
    cellBefore: c.storage,
    cellAfter: after.cell,
    hiddenGradient: context.gradient(0).storage,
    cellGradient: context.gradient(1).storage,
    peephole: peephole?.storage,
  });
  const gateGradient = new Tensor(before.gates, gates.shape);
  return [
    gateGradient,
    new Tensor(before.cell, c.shape),
    ...(peephole === undefined || !context.needs(2)
      ? []
      : [peepholeGradient(peephole, gateGradient, [c, new Tensor(after.cell, c.shape)])]),
  ];
}

const op = defineMultiOutputOp<LstmGeometry, [gates: Tensor, c: Tensor, ...peephole: Tensor[]]>({
  name: "lstmStep",
  shapes: ([, c]) => [c.shape, c.shape],
  run: ([gates, c, peephole], geometry) => {
    const { hidden, cell } = run(geometry, gates, c, peephole);
    return [hidden, cell];
  },
  saves: ({ peephole }) => ({ inputs: peephole === "none" ? [0, 1] : [0, 1, 2], outputs: [] }),
  gradient: (context) => {
    if (!isGradEnabled()) return kernelGradient(context);
    const hasPeephole = context.args.peephole !== "none";
    return plainGradient(context, hasPeephole ? 3 : 2, (at) => {
      const { h, c } = updateState(at(0), at(1), weightPeepholes(hasPeephole ? at(2) : undefined));
      return [h, c];
    });
  },
});

/**
 * Gates to states by the device's kernel: {@link updateState} with the paper's activations, in one pass.
 * @param gates - pre-activations `[N, 4H, …]`, gates i, f, o, g
 * @param c - cell state `[N, H, …]`
 * @param peephole - `[3, H, …]` of that kind, or none
 */
export function lstmStep(gates: Tensor, c: Tensor, kind: Peephole, peephole: Tensor | undefined): LSTMState {
  const [batch = 0, hidden = 0, ...spatial] = c.shape;
  const geometry = { batch, hidden, positions: sizeOf(spatial), peephole: kind };
  const after = op(peephole === undefined ? [gates, c] : [gates, c, peephole], geometry);
  return { h: at(after, 0), c: at(after, 1) };
}
