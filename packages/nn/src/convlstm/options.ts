import { ArgumentError, type Peephole } from "@squall/device";
import type { ModuleOptions } from "../module/options.ts";

/** Number of spatial axes. */
export type SpatialDims = 1 | 2 | 3;

/** Size of a kernel: one number for all axes, or one per axis. Even sizes work too. */
export type KernelSize = number | readonly number[];

/** Options of one cell. */
export interface ConvLSTMCellOptions extends ModuleOptions {
  /** Channels C of the input; 0 for a cell without input, which has no input convolution at all. */
  readonly inputChannels: number;
  /** Channels H of the hidden and cell state. */
  readonly hiddenChannels: number;
  /** Kernel of the input-to-state convolution. */
  readonly kernelSize: KernelSize;
  /** Kernel of the state-to-state convolution. Default: `kernelSize`. */
  readonly stateKernelSize?: KernelSize;
  /** Spatial axes. Default 2. */
  readonly spatialDims?: SpatialDims;
  /** One bias per gate and channel. Default true. */
  readonly bias?: boolean;
  /** Connections from the cell state to the gates: none (default), one weight per channel (the paper's), or one per channel and position. */
  readonly peephole?: Peephole;
  /** Spatial sizes of the states; needed for the peephole `full`, which fixes them. */
  readonly imageSize?: readonly number[];
  /** Initial bias of the forget gate, so that a fresh cell remembers. Default 1. */
  readonly forgetBias?: number;
}

/** Options of {@link ConvLSTM}. */
export interface ConvLSTMOptions
  extends Omit<ConvLSTMCellOptions, "hiddenChannels" | "kernelSize" | "stateKernelSize"> {
  /** Channels of the states: one number for all layers, or one per layer. */
  readonly hiddenChannels: number | readonly number[];
  /** Input-to-state kernel: one number, one number per axis, or one such list per layer (`[[3, 3], [5, 5]]`). */
  readonly kernelSize: KernelSize | readonly KernelSize[];
  /** State-to-state kernel, as `kernelSize`. Default: equal to it, layer by layer. */
  readonly stateKernelSize?: KernelSize | readonly KernelSize[];
  /** Number of layers. Default: the length of `hiddenChannels` if that is a list, else 1. */
  readonly numLayers?: number;
  /** Whether sequences are `[N, T, C, …]` rather than `[T, N, C, …]`, going in and coming out. Default false. */
  readonly batchFirst?: boolean;
  /** Whether outputs and states of all layers are returned rather than only the last one's. Default false. */
  readonly returnAllLayers?: boolean;
}

/** @throws ArgumentError unless `value` is a whole number >= `least` */
export function checkCount(op: string, name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ArgumentError(op, `${name} must be a whole number >= ${least}, got ${value}`, {
      expected: least,
      got: value,
    });
  }
}

/** A kernel with one size per axis. @throws ArgumentError if there are too many or few, or one is not a whole number >= 1 */
export function resolveKernel(op: string, name: string, kernel: KernelSize, dims: number): number[] {
  const sizes = typeof kernel === "number" ? Array.from({ length: dims }, () => kernel) : [...kernel];
  if (sizes.length !== dims) {
    throw new ArgumentError(
      op,
      `${name} [${sizes.join(",")}] has ${sizes.length} sizes for ${dims} spatial axes; for one kernel per layer write a list of lists, [[3,3],[5,5]]`,
      { expected: dims, got: sizes.length },
    );
  }
  for (const size of sizes) checkCount(op, name, size, 1);
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
  const layers = numLayers ?? (typeof hidden === "number" ? 1 : hidden.length);
  checkCount(op, "numLayers", layers, 1);
  const list = typeof hidden === "number" ? Array.from({ length: layers }, () => hidden) : [...hidden];
  if (list.length !== layers) {
    throw new ArgumentError(op, `hiddenChannels [${list.join(",")}] has ${list.length} values for ${layers} layers`, {
      expected: layers,
      got: list.length,
    });
  }
  for (const channels of list) checkCount(op, "hiddenChannels", channels, 1);
  return list;
}
