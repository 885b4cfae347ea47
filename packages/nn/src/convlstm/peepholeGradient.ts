import { cat, stack, type Tensor } from "@squall/tensor";
import { at } from "../at.ts";

/**
 * The gradient of peepholes that multiply, `[3, H, …]`: i and f look at the cell state before a step, o at the one after.
 * @param gateGradients - of the pre-activations of all steps, `[T·N, 4H, …]`
 * @param cells - cell states before the first step and after each, `[N, H, …]`
 */
export function peepholeGradient(peephole: Tensor, gateGradients: Tensor, cells: readonly Tensor[]): Tensor {
  const gates = gateGradients.chunk(4, 1);
  const before = cat(cells.slice(0, -1));
  const after = cat(cells.slice(1));
  const [, , ...positions] = peephole.shape;
  const summed = positions.map((_, axis) => axis + 2).filter((axis) => peephole.shape[axis] === 1);
  const parts = [
    [at(gates, 0), before],
    [at(gates, 1), before],
    [at(gates, 2), after],
  ] as const;
  return stack(
    parts.map(([gate, cell]) =>
      gate
        .mul(cell)
        .sum([0, ...summed], true)
        .reshape(peephole.shape.slice(1)),
    ),
  );
}
