import { disposeStorage, type Kernels } from "@squall/device";
import { partsOf, type ReduceAxes, reduceSource } from "../emit/reduce.ts";
import type { Runtime } from "../runtime.ts";
import type { GpuStorage } from "../storage.ts";

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** Reduces in as many rounds as it takes for enough threads to share long sums. */
export function reduceStorage(
  runtime: Runtime,
  axes: ReduceAxes,
  reduction: Parameters<Kernels["reduce"]>[1],
  source: GpuStorage,
): GpuStorage {
  const [results, length] = [product(axes.kept), product(axes.reduced)];
  const parts = partsOf(results, length);
  const partial = runtime.run(
    {
      op: "reduce",
      key: `reduce ${reduction} ${parts} ${JSON.stringify(axes)}`,
      source: () => reduceSource(axes, reduction, parts),
      inputs: [source],
    },
    results * parts,
  );
  if (parts === 1) return partial;
  const rest: ReduceAxes = { kept: [results], keptStrides: [parts], reduced: [parts], reducedStrides: [1] };
  const total = reduceStorage(runtime, rest, reduction, partial);
  disposeStorage(partial);
  return total;
}

/** Sums, maxima and minima. */
export function reduceKernels(runtime: Runtime, fill: Kernels["fill"]): Pick<Kernels, "reduce"> {
  return {
    reduce: ({ shape, reduced }, reduction, source) => {
      const mine = runtime.own("reduce", source);
      const axes = {
        kept: [] as number[],
        keptStrides: [] as number[],
        reduced: [] as number[],
        reducedStrides: [] as number[],
      };
      let stride = product(shape);
      shape.forEach((size, axis) => {
        stride = size === 0 ? 0 : stride / size;
        const isReduced = reduced[axis] === true;
        (isReduced ? axes.reduced : axes.kept).push(size);
        (isReduced ? axes.reducedStrides : axes.keptStrides).push(stride);
      });
      if (product(axes.reduced) === 0 || product(axes.kept) === 0) {
        const empty = { sum: 0, max: Number.NEGATIVE_INFINITY, min: Number.POSITIVE_INFINITY }[reduction];
        return fill("float32", product(axes.kept), empty);
      }
      return reduceStorage(runtime, axes, reduction, mine);
    },
  };
}
