import type { Tensor } from "@squall/tensor";
import { expect } from "vitest";

/** Expects tensors to have the same shapes and, to float64's rounding, the same values. */
export function expectClose(
  ours: readonly (Tensor | undefined)[],
  theirs: readonly (Tensor | undefined)[],
  tolerance = 1e-11,
): void {
  expect(ours.map((tensor) => tensor?.shape)).toEqual(theirs.map((tensor) => tensor?.shape));
  for (const [k, tensor] of ours.entries()) {
    const other = theirs[k];
    if (tensor === undefined || other === undefined || tensor.size === 0) continue;
    const difference = tensor.detach().sub(other.detach()).abs().max().itemSync();
    const scale = Math.max(1, other.detach().abs().max().itemSync());
    expect(difference / scale).toBeLessThan(tolerance);
  }
}
