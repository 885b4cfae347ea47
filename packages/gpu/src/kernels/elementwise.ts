import {
  type CopyGeometry,
  DeviceError,
  DTypeError,
  type Expression,
  expressions,
  type Kernels,
  type Storage,
} from "@squall/device";
import {
  fillSource,
  gatherSource,
  isRun,
  mapSource,
  scalarValues,
  scatterSource,
  updateSource,
} from "../emit/elementwise.ts";
import type { KernelSource } from "../emit/source.ts";
import type { Runtime } from "../runtime.ts";
import type { GpuStorage } from "../storage.ts";

const keys = new WeakMap<Expression, string>();

/** A text that is the same for equal expressions. */
function keyOf(expression: Expression): string {
  const known = keys.get(expression);
  if (known !== undefined) return known;
  const numbers = new Map<Expression, number>();
  const lines: string[] = [];
  const visit = (e: Expression): number => {
    const seen = numbers.get(e);
    if (seen !== undefined) return seen;
    const operands = expressions.operandsOf(e).map(visit);
    const { kind } = e;
    const what =
      kind === "unary" || kind === "binary" ? e.fn : kind === "select" ? "" : kind === "constant" ? e.value : e.index;
    const number = lines.push(`${kind}${Object.is(what, -0) ? "-0" : what}(${operands.join()})`) - 1;
    numbers.set(e, number);
    return number;
  };
  visit(expression);
  const key = lines.join(";");
  keys.set(expression, key);
  return key;
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}

/** Only what an expression reads, numbered anew: arrays that it ignores count against a kernel's few. */
function compact(expression: Expression): { readonly expression: Expression; readonly used: readonly number[] } {
  const used = expressions.inputsOf(expression);
  if (used.every((index, k) => index === k)) return { expression, used };
  return { expression: expressions.substitute(expression, (index) => expressions.input(used.indexOf(index))), used };
}

/** Kernels that go element by element, or only move elements. */
export function elementwiseKernels(runtime: Runtime): Pick<Kernels, "fill" | "copy" | "cast" | "map" | "update"> {
  const { engine } = runtime;
  const own = (op: string, storage: Storage): GpuStorage => runtime.own(op, storage);
  const refuseDouble = (op: string, dtype: string): void => {
    if (dtype !== "float32") {
      throw new DTypeError(
        op,
        `the gpu computes in float32 and has no ${dtype}; use to("float32") or stay on the cpu`,
        {
          expected: "float32",
          got: dtype,
        },
      );
    }
  };

  return {
    fill: (dtype, length, value) => {
      refuseDouble("fill", dtype);
      const { zeros } = engine;
      if (value === 0 && length > 0 && zeros !== undefined) return runtime.produce("fill", length, () => zeros(length));
      return runtime.run(
        { op: "fill", key: `fill ${length}`, source: () => fillSource(length), inputs: [], scalars: [value] },
        length,
      );
    },
    copy: (geometry, source, target) => copyInto(runtime, geometry, own("copy", source), own("copy", target)),
    cast: (source, dtype) => {
      refuseDouble("cast", dtype);
      const { length } = source;
      const geometry = { shape: [length], sourceOffset: 0, sourceStrides: [1], targetOffset: 0, targetStrides: [1] };
      return runtime.run(
        {
          op: "cast",
          key: `gather ${JSON.stringify(geometry)}`,
          source: () => gatherSource(geometry),
          inputs: [own("cast", source)],
        },
        length,
      );
    },
    map: ({ shape, strides }, expression, inputs, scalars) => {
      const mine = inputs.map((input) => own("map", input));
      const { expression: compacted, used } = compact(expression);
      const geometry = { shape, strides: used.map((index) => strides[index] ?? []) };
      return runtime.run(
        {
          op: "map",
          key: `map ${JSON.stringify(geometry)} ${keyOf(compacted)} ${scalars.length}`,
          source: () => mapSource(geometry, compacted, scalars.length),
          inputs: used.flatMap((index) => mine[index] ?? []),
          scalars: (source) => scalarValues(scalars, source),
        },
        product(shape),
      );
    },
    update: (expressionList, targets, inputs, scalars) => {
      const into = targets.map((target) => own("update", target));
      const all = [...into, ...inputs.map((input) => own("update", input))];
      const length = into[0]?.length ?? 0;
      if (length === 0) return;
      runtime.replace(
        expressionList.map((whole) => {
          const { expression, used } = compact(whole);
          return {
            op: "update",
            key: `update ${length} ${used.length} ${keyOf(expression)} ${scalars.length}`,
            source: () => updateSource(expression, used.length, length, scalars.length),
            inputs: used.flatMap((index) => all[index] ?? []),
            scalars: (source) => scalarValues(scalars, source),
          };
        }),
        into,
      );
    },
  };
}

/** The same copy with every axis turned so that it goes up in the target. */
function upwards({ shape, sourceOffset, sourceStrides, targetOffset, targetStrides }: CopyGeometry): CopyGeometry {
  let [from, to] = [sourceOffset, targetOffset];
  const [sources, targets] = [[...sourceStrides], [...targetStrides]];
  shape.forEach((size, axis) => {
    const [source = 0, target = 0] = [sources[axis], targets[axis]];
    if (target >= 0) return;
    from += (size - 1) * source;
    to += (size - 1) * target;
    sources[axis] = -source;
    targets[axis] = -target;
  });
  return { shape, sourceOffset: from, sourceStrides: sources, targetOffset: to, targetStrides: targets };
}

/** Writes a block of a target: by the GPU's own copy for a run of elements, by a gather if it is all of the target, else element by element. */
function copyInto(runtime: Runtime, asked: CopyGeometry, source: GpuStorage, target: GpuStorage): void {
  const { engine } = runtime;
  const geometry = upwards(asked);
  const { shape, sourceOffset, sourceStrides, targetOffset, targetStrides } = geometry;
  const length = product(shape);
  if (length === 0) return;
  const wholeTarget = targetOffset === 0 && length === target.length && isRun(shape, targetStrides);
  const isPlain = isRun(shape, sourceStrides) && isRun(shape, targetStrides) && source !== target;
  const byKernel = (): void => {
    const key = JSON.stringify(geometry);
    if (wholeTarget) {
      runtime.replace(
        [{ op: "copy", key: `gather ${key}`, source: () => gatherSource(geometry), inputs: [source] }],
        [target],
      );
      return;
    }
    if (scatterSource(geometry, target.length) === undefined) {
      throw new DeviceError(
        "copy",
        `the block ${JSON.stringify(shape)} with steps ${JSON.stringify(targetStrides)} overlaps itself`,
      );
    }
    const make = (): KernelSource => scatterSource(geometry, target.length) ?? gatherSource(geometry);
    runtime.replace(
      [{ op: "copy", key: `scatter ${target.length} ${key}`, source: make, inputs: [source, target] }],
      [target],
    );
  };
  const { copyRun } = engine;
  if (!isPlain || copyRun === undefined) {
    byKernel();
    return;
  }
  runtime.push("copy", [source, target], [target], () => {
    const [from, to] = [source.cell.buffer, target.cell.buffer];
    if (from === undefined || to === undefined) throw new Error("a tensor is not there");
    copyRun(from, sourceOffset, to, targetOffset, length);
    return undefined;
  });
  target.version++;
}
