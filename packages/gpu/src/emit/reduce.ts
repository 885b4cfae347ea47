import type { Reduction } from "@squall/device";
import { unique } from "./elementwise.ts";
import { divisionHelpers, integerHelper, stridedPosition } from "./integer.ts";
import type { KernelSource } from "./source.ts";

/** A reduction over axes that are told apart: kept ones and reduced ones, each with its sizes and strides in the source. */
export interface ReduceAxes {
  /** Sizes of the kept axes, outermost first. */
  readonly kept: readonly number[];
  /** Their strides. */
  readonly keptStrides: readonly number[];
  /** Sizes of the reduced axes. */
  readonly reduced: readonly number[];
  /** Their strides. */
  readonly reducedStrides: readonly number[];
}

/** Threads that fill a GPU. */
const wantedThreads = 65_536;
/** Elements that one thread takes before sharing pays. */
const shortRun = 32;
/** Elements that one thread takes at most, so that sums stay exact enough. */
const longRun = 1024;

/** How many threads share each sum of `length` elements, with `results` sums in all. */
export function partsOf(results: number, length: number): number {
  if (length <= 2 * shortRun) return 1;
  const toFill = Math.ceil(wantedThreads / Math.max(1, results));
  const most = Math.ceil(length / shortRun);
  return Math.max(Math.ceil(length / longRun), Math.min(most, toFill));
}

/** Partial reductions `[…kept, parts]`: part p takes the elements p, p + parts, p + 2·parts, …, so that neighbours read neighbours. */
export function reduceSource(axes: ReduceAxes, reduction: Reduction, parts: number): KernelSource {
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  const [results, length] = [product(axes.kept), product(axes.reduced)];
  const base = stridedPosition("base", "q", axes.kept, axes.keptStrides, 0);
  const step = stridedPosition("step", `(t - q * ${parts} + k)`, axes.reduced, axes.reducedStrides, 0);
  const rounds = Math.ceil(length / parts);
  const helpers = [
    ...divisionHelpers,
    ...base.helpers,
    ...step.helpers,
    integerHelper("elementIn", ["t", "q", "k"], `${base.position} + ${step.position}`),
    integerHelper("element", ["t", "k"], `elementIn(t, quotient(t, ${parts}), k)`),
    integerHelper("partIn", ["t", "q"], `t - q * ${parts}`),
    integerHelper("part", ["t"], `partIn(t, quotient(t, ${parts}))`),
  ];
  const put = {
    sum: "total += value;",
    max: "total = value > total ? value : (total >= value ? total : total + value);",
    min: "total = value < total ? value : (total <= value ? total : total + value);",
  }[reduction];
  const element = (k: string): string => `source[element(this.thread.x, ${k})]`;
  const full = Math.floor(length / parts);
  const lines = [`let total = ${element("0")};`];
  if (full > 1) lines.push(`for (let k = 1; k < ${full}; k++) { const value = ${element(`k * ${parts}`)}; ${put} }`);
  if (rounds > full) {
    lines.push(
      `if (part(this.thread.x) + ${full * parts} < ${length}) { const value = ${element(String(full * parts))}; ${put} }`,
    );
  }
  return {
    inputs: ["source"],
    scalars: [],
    threads: [results * parts],
    lanes: 1,
    helpers: unique(helpers),
    body: [...lines, "return total;"].join("\n"),
  };
}
