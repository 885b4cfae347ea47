import type { CopyGeometry, Expression, MapGeometry } from "@squall/device";
import { emitExpressions } from "./expression.ts";
import { divisionHelpers, integerChoice, integerHelper, mergeAxes, stridedPosition } from "./integer.ts";
import type { HelperFunction, KernelSource, ScalarArgument } from "./source.ts";

/** The number of a thread. */
const self = "this.thread.x";

/** What a kernel is given besides its arrays: scalars of the expression, and the numbers that have no literal. */
export function scalarArguments(count: number, needsSpecials: boolean): ScalarArgument[] {
  const names = [...Array.from({ length: count }, (_, k) => `s${k}`), ...(needsSpecials ? ["nan", "infinity"] : [])];
  return names.map((name) => ({ name, type: "Float" }));
}

/** A value for all of {@link scalarArguments}. */
export function scalarValues(scalars: readonly number[], { scalars: wanted }: KernelSource): number[] {
  return wanted.length > scalars.length ? [...scalars, Number.NaN, Number.POSITIVE_INFINITY] : [...scalars];
}

/** `length` times the scalar. */
export function fillSource(length: number): KernelSource {
  return {
    inputs: [],
    scalars: [{ name: "value", type: "Float" }],
    threads: [length],
    lanes: 1,
    helpers: [],
    body: "return value;",
  };
}

/** An expression over broadcast inputs. */
export function mapSource({ shape, strides }: MapGeometry, expression: Expression, scalars: number): KernelSource {
  const helpers: HelperFunction[] = [];
  const loads: string[] = [];
  const loaded = new Map<number, string>();
  const input = (k: number): string => {
    const known = loaded.get(k);
    if (known !== undefined) return known;
    const { position, helpers: own } = stridedPosition(`position${k}`, self, shape, strides[k] ?? [], 0);
    helpers.push(...own);
    loads.push(`const x${k} = a${k}[${position}];`);
    loaded.set(k, `x${k}`);
    return `x${k}`;
  };
  const emitted = emitExpressions([expression], input, (k) => `s${k}`);
  return {
    inputs: strides.map((_, k) => `a${k}`),
    scalars: scalarArguments(scalars, emitted.needsSpecials),
    threads: [shape.reduce((product, size) => product * size, 1)],
    lanes: 1,
    helpers: unique([...helpers, ...emitted.helpers]),
    body: [...loads, ...emitted.statements, `return ${emitted.results[0]};`].join("\n"),
  };
}

/** One of the expressions of an update, over arrays of one length. */
export function updateSource(expression: Expression, inputs: number, length: number, scalars: number): KernelSource {
  return mapSource({ shape: [length], strides: Array.from({ length: inputs }, () => [1]) }, expression, scalars);
}

/** A block gathered into an array of its own: the geometry's target is exactly the block, row-major from 0. */
export function gatherSource({ shape, sourceOffset, sourceStrides }: CopyGeometry): KernelSource {
  const { position, helpers } = stridedPosition("position", self, shape, sourceStrides, sourceOffset);
  return {
    inputs: ["source"],
    scalars: [],
    threads: [shape.reduce((product, size) => product * size, 1)],
    lanes: 1,
    helpers: unique(helpers),
    body: `return source[${position}];`,
  };
}

/**
 * A target with a block written into it: every element asks whether it lies in the block, by dividing its distance from the block's start
 * by the target's strides, largest first. @returns `undefined` if the block's elements interleave in a way that this cannot tell
 */
export function scatterSource(geometry: CopyGeometry, length: number): KernelSource | undefined {
  const { shape, sourceOffset, sourceStrides, targetOffset, targetStrides } = geometry;
  const axes = shape
    .map((size, axis) => ({ size, from: sourceStrides[axis] ?? 0, to: targetStrides[axis] ?? 0 }))
    .filter(({ size }) => size > 1)
    .sort((a, b) => b.to - a.to);
  // Each step must be longer than all that the steps inside it span together.
  let span = 0;
  for (const { size, to } of axes.toReversed()) {
    if (to <= span) return undefined;
    span += (size - 1) * to;
  }
  const helpers: HelperFunction[] = [...divisionHelpers];
  // source<k>(r): where the element at distance r in the target comes from, below 0 if it is not in the block.
  const nowhere = "-1073741824";
  helpers.push(integerChoice(`source${axes.length}`, ["r"], "r == 0", "0", nowhere));
  axes.toReversed().forEach(({ size, from, to }, index) => {
    const level = axes.length - 1 - index;
    const step = from >= 0 ? `q * ${from}` : `(0 - q * ${-from})`;
    helpers.push(
      integerChoice(
        `source${level}At`,
        ["r", "q"],
        `q < ${size}`,
        `${step} + source${level + 1}(r - q * ${to})`,
        nowhere,
      ),
      integerHelper(`source${level}`, ["r"], `source${level}At(r, quotient(r, ${to}))`),
    );
  });
  return {
    inputs: ["source", "target"],
    scalars: [],
    threads: [length],
    lanes: 1,
    helpers: unique(helpers),
    body: [
      `if (${self} < ${targetOffset} || ${self} > ${targetOffset + span}) { return target[${self}]; }`,
      `if (source0(${self} - ${targetOffset}) + ${sourceOffset} < 0) { return target[${self}]; }`,
      `return source[source0(${self} - ${targetOffset}) + ${sourceOffset}];`,
    ].join("\n"),
  };
}

/** Whether a block fills a contiguous run of its target, row-major; if so it can be gathered or copied as one. */
export function isRun(shape: readonly number[], strides: readonly number[]): boolean {
  const axes = mergeAxes(shape, strides);
  return axes.length === 0 || (axes.length === 1 && axes[0]?.stride === 1);
}

/** Helpers without repetition, in order. */
export function unique(helpers: readonly HelperFunction[]): HelperFunction[] {
  return [...new Map(helpers.map((helper) => [helper.name, helper])).values()];
}
