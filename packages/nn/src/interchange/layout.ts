import { cat, type Tensor, tensor } from "@squall/tensor";
import type { Gate } from "./gate.ts";
import type { Plan } from "./plan.ts";

/** Blocks of rows (one per gate) in another order of gates. */
export function reordered(x: Tensor, from: readonly Gate[], to: readonly Gate[]): Tensor {
  if (from.every((gate, k) => gate === to[k])) return x;
  const blocks = x.chunk(from.length, 0);
  return cat(
    to.flatMap((gate) => blocks[from.indexOf(gate)] ?? []),
    0,
  );
}

/** A weight as `[out, in, …k]`. */
export function weightToTorch(x: Tensor, layout: Plan["layout"]): Tensor {
  if (layout === "torch") return x;
  const spatial = Array.from({ length: x.rank - 2 }, (_, k) => k);
  return x.permute([x.rank - 1, x.rank - 2, ...spatial]);
}

/** A weight `[out, in, …k]` in a layout. */
export function weightFromTorch(x: Tensor, layout: Plan["layout"]): Tensor {
  if (layout === "torch") return x;
  const spatial = Array.from({ length: x.rank - 2 }, (_, k) => k + 2);
  return x.permute([...spatial, 1, 0]);
}

/** The dense weight that does what a grouped one `[out, in / groups, …k]` does: zeros between groups. */
export function dense(x: Tensor, groups: number): Tensor {
  if (groups === 1) return x;
  const columns = x.shape[1] ?? 0;
  const rows = x.chunk(groups, 0).map((block, k) => {
    const pads = block.shape.map((_, axis): [number, number] =>
      axis === 1 ? [k * columns, (groups - 1 - k) * columns] : [0, 0],
    );
    return block.pad(pads);
  });
  return cat(rows, 0);
}

/** A number for the forget gates and 0 for the others, `[4H]`, where a weight is. */
export function forgetOnly(weight: Tensor, hidden: number, value: number): Tensor {
  const { dtype, device } = weight;
  return tensor(new Float64Array(4 * hidden).fill(value, hidden, 2 * hidden), { dtype, device });
}
