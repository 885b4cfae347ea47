/*
 * The weight gradient: sums over all images and rows. The weights alone are too few threads for a GPU, so the rows are dealt out to several
 * parts whose sums are added up by a reduction.
 */
import type { FramedConv } from "./conv.ts";
import { split } from "./grid.ts";
import { divisionHelpers, integerHelper, wholeHelper } from "./integer.ts";
import { lanesFor } from "./matmul.ts";
import type { KernelSource, KernelTarget } from "./source.ts";

/** Threads that fill a GPU. */
const wantedThreads = 65_536;

/** Rows of the output gradient, over all images. */
export function rowsOf({ batch, axes: [depth, height] }: FramedConv): number {
  return batch * depth.outSize * height.outSize;
}

/** How many parts the rows are dealt to. */
export function weightParts(conv: FramedConv, weights: number): number {
  return Math.max(1, Math.min(rowsOf(conv), Math.ceil(wantedThreads / weights)));
}

/** Partial weight gradients `[parts, O, C/groups, …kernel]` from framed images and the output gradient. */
export function weightGradientSource(conv: FramedConv, parts: number, target: KernelTarget): KernelSource {
  const { batch, groups, inPerGroup, outPerGroup, axes } = conv;
  const [depth, height, width] = axes;
  const lanes = lanesFor(width.kernel, target.maxLanes);
  const numbers = Array.from({ length: lanes }, (_, l) => l);
  const rows = rowsOf(conv);
  const rounds = Math.ceil(rows / parts);
  const perPart = groups * outPerGroup * inPerGroup * depth.kernel * height.kernel * (width.kernel / lanes);
  const channel = `(whole(n) * ${groups} + whole(g)) * ${inPerGroup} + whole(c)`;
  const sourceRow = `((${channel}) * ${depth.framed} + whole(d) * ${depth.stride} + whole(kd) * ${depth.dilation}) * ${height.framed} + whole(h) * ${height.stride} + whole(kh) * ${height.dilation}`;
  const source = (l: number): string =>
    `source[(${sourceRow}) * ${width.framed} + i * ${width.stride} + (whole(kw) * ${lanes} + ${l}) * ${width.dilation}]`;
  const outChannel = `(whole(n) * ${groups} + whole(g)) * ${outPerGroup} + whole(o)`;
  const gradient = `gradient[(((${outChannel}) * ${depth.outSize} + whole(d)) * ${height.outSize} + whole(h)) * ${width.outSize} + i]`;
  return {
    inputs: ["source", "gradient"],
    scalars: [],
    threads: [perPart * parts],
    lanes,
    helpers: [
      wholeHelper,
      ...divisionHelpers,
      integerHelper("part", ["t"], `quotient(t, ${perPart})`),
      integerHelper("weightIn", ["t", "q"], `t - q * ${perPart}`),
      integerHelper("weightOf", ["t"], `weightIn(t, quotient(t, ${perPart}))`),
    ],
    body: [
      "const first = part(this.thread.x);",
      "const which = weightOf(this.thread.x);",
      ...split(
        "convWeightGradient",
        "which",
        ["g", "o", "c", "kd", "kh", "kw"],
        [groups, outPerGroup, inPerGroup, depth.kernel, height.kernel, width.kernel / lanes],
      ),
      ...numbers.map((l) => `let s${l} = 0.0;`),
      `for (let j = 0; j < ${rounds}; j++) {`,
      `const row = first + j * ${parts};`,
      `if (row < ${rows}) {`,
      ...split("convWeightGradient", "row", ["n", "d", "h"], [batch, depth.outSize, height.outSize]),
      `for (let i = 0; i < ${width.outSize}; i++) {`,
      `const y = ${gradient};`,
      ...numbers.map((l) => `s${l} += y * ${source(l)};`),
      "} } }",
      lanes === 1 ? "return s0;" : `return [${numbers.map((l) => `s${l}`).join(", ")}];`,
    ].join("\n"),
  };
}
