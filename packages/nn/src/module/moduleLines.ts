import { formatShape } from "@squall/device";
import type { Tensor } from "@squall/tensor";

/**
 * The lines that show a module: on one if it has no children, else with one or more for each.
 * @param kind - what comes before the bracket
 * @param tensors - its own
 * @param children - with the lines of each
 */
export function moduleLines(
  kind: string,
  tensors: readonly (readonly [name: string, tensor: Tensor])[],
  children: readonly (readonly [name: string, lines: readonly string[]])[],
): string[] {
  const own = tensors.map(([name, { shape }]) => `${name} ${formatShape(shape)}`).join(", ");
  if (children.length === 0) return [`${kind}(${own})`];
  const below = children.flatMap(([name, [first = "", ...others]]) => [`(${name}): ${first}`, ...others]);
  const inside = own === "" ? below : [own, ...below];
  return [`${kind}(`, ...inside.map((line) => `  ${line}`), ")"];
}
