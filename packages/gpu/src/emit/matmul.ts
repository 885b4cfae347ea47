import type { MatmulGeometry } from "@squall/device";
import { grid } from "./grid.ts";
import type { KernelSource, KernelTarget, Lanes } from "./source.ts";

/** As many adjacent elements per thread as divide a row, up to `most`. */
export function lanesFor(row: number, most: Lanes): Lanes {
  for (const lanes of [4, 3, 2] as const) if (lanes <= most && row % lanes === 0) return lanes;
  return 1;
}

/** The products of a stack of matrices. */
export function matmulSource(geometry: MatmulGeometry, target: KernelTarget): KernelSource {
  const { batch, rows, inner, columns, transposeA, transposeB } = geometry;
  const lanes = lanesFor(columns, target.maxLanes);
  const { threads, x, y, z, helpers } = grid(target, columns / lanes, rows, batch);
  const numbers = Array.from({ length: lanes }, (_, l) => l);
  const left = transposeA ? `(${z} * ${inner} + k) * ${rows} + ${y}` : `(${z} * ${rows} + ${y}) * ${inner} + k`;
  const right = (l: number): string =>
    transposeB
      ? `(${z} * ${columns} + ${x} * ${lanes} + ${l}) * ${inner} + k`
      : `(${z} * ${inner} + k) * ${columns} + ${x} * ${lanes} + ${l}`;
  return {
    inputs: ["a", "b"],
    scalars: [],
    threads,
    lanes,
    helpers,
    body: [
      ...numbers.map((l) => `let s${l} = 0.0;`),
      `for (let k = 0; k < ${inner}; k++) {`,
      `const left = a[${left}];`,
      ...numbers.map((l) => `s${l} += left * b[${right(l)}];`),
      "}",
      lanes === 1 ? "return s0;" : `return [${numbers.map((l) => `s${l}`).join(", ")}];`,
    ].join("\n"),
  };
}
