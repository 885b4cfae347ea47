import { ArgumentError } from "@squall/device";
import { checkWhole, show } from "../arguments.ts";
import type { CellPlan, KernelSize, OptionsOfCell, RecurrentLayerOptions } from "./options.ts";

/**
 * The options of one cell of several layers: those of all, exceptions for this one, and what the layers decide.
 * @param layer - which it is
 */
export function cellOptions<Options extends RecurrentLayerOptions & { readonly layers?: readonly object[] }>(
  options: Options,
  layer: number,
  plan: CellPlan,
): OptionsOfCell<Options> {
  const {
    numLayers,
    batchFirst,
    returnAllLayers,
    returnSequences,
    layerDropout,
    goBackwards,
    keepOrder,
    stateful,
    detachCarried,
    saveState,
    checkpoint,
    layers,
    hiddenChannels,
    kernelSize,
    stateKernelSize,
    ...common
  } = options;
  return { ...common, ...layers?.[layer], ...plan };
}

/** @throws ArgumentError unless it is a number or a list */
function checkKernel(op: string, name: string, kernel: unknown): void {
  if (typeof kernel === "number" || Array.isArray(kernel)) return;
  throw new ArgumentError(op, `${name} must be a whole number or a list of such, got ${show(kernel)}`, { got: kernel });
}

/** A kernel with one size per axis. @throws ArgumentError if there are too many or few, or one is not a whole number >= 1 */
export function resolveKernel(op: string, name: string, kernel: KernelSize, dims: number): number[] {
  checkKernel(op, name, kernel);
  const sizes = typeof kernel === "number" ? Array.from({ length: dims }, () => kernel) : [...kernel];
  if (sizes.length !== dims) {
    const perLayer = sizes.map((size) => `[${Array.from({ length: dims }, () => size).join(",")}]`).join(",");
    throw new ArgumentError(
      op,
      `${name} [${sizes.join(",")}] has ${sizes.length} sizes for ${dims} spatial axes; for one kernel per layer write a list of lists, [${perLayer}]`,
      { expected: dims, got: sizes.length },
    );
  }
  for (const size of sizes) checkWhole(op, name, size, 1);
  return sizes;
}

function isPerLayer(kernel: KernelSize | readonly KernelSize[]): kernel is readonly KernelSize[] {
  return typeof kernel !== "number" && kernel.some((item) => typeof item !== "number");
}

/** One kernel per layer. A flat list of numbers is one kernel with a size per axis. @throws ArgumentError */
export function resolveKernels(
  op: string,
  name: string,
  kernel: KernelSize | readonly KernelSize[],
  layers: number,
  dims: number,
): number[][] {
  checkKernel(op, name, kernel);
  if (!isPerLayer(kernel)) {
    const one = resolveKernel(op, name, kernel, dims);
    return Array.from({ length: layers }, () => one);
  }
  if (kernel.length !== layers) {
    throw new ArgumentError(op, `${name} has ${kernel.length} kernels for ${layers} layers`, {
      expected: layers,
      got: kernel.length,
    });
  }
  return kernel.map((item) => resolveKernel(op, name, item, dims));
}

/** One number of channels per layer. @throws ArgumentError */
export function resolveHidden(op: string, hidden: number | readonly number[], numLayers: number | undefined): number[] {
  if (typeof hidden !== "number" && !Array.isArray(hidden)) {
    throw new ArgumentError(op, `hiddenChannels must be a whole number or a list of such, got ${show(hidden)}`, {
      got: hidden,
    });
  }
  const layers = numLayers ?? (typeof hidden === "number" ? 1 : hidden.length);
  checkWhole(op, "numLayers", layers, 1);
  const list = typeof hidden === "number" ? Array.from({ length: layers }, () => hidden) : [...hidden];
  if (list.length !== layers) {
    throw new ArgumentError(op, `hiddenChannels [${list.join(",")}] has ${list.length} values for ${layers} layers`, {
      expected: layers,
      got: list.length,
    });
  }
  for (const channels of list) checkWhole(op, "hiddenChannels", channels, 1);
  return list;
}
