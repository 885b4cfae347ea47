import { ArgumentError } from "@squall/device";
import { checkFlags, checkWhole, show } from "../arguments.ts";
import { checkNames } from "../optionNames.ts";
import { exceptionNamesOf, layerNamesOf } from "./names.ts";
import { checkRate } from "./noise.ts";
import type { LayerOptionsOf, RecurrentCellOptions, RecurrentLayerOptions, SpatialDims } from "./options.ts";
import { resolveHidden, resolveKernels } from "./resolveOptions.ts";

/** What tells one kind of layers from another. */
export interface LayerKind {
  /** Name of the class, for messages and the config. */
  readonly op: string;
  /** Names of the options of its cells. */
  readonly cellNames: Readonly<Record<string, true>>;
}

/** The options of layers, checked, with defaults for what was left out. */
export interface LayerSettings
  extends Required<Omit<RecurrentLayerOptions, "hiddenChannels" | "kernelSize" | "stateKernelSize" | "numLayers">> {
  /** Channels of the states, per layer. */
  readonly hidden: readonly number[];
  /** Input-to-state kernels, per layer and axis. */
  readonly kernels: readonly (readonly number[])[];
  /** State-to-state kernels, per layer and axis. */
  readonly stateKernels: readonly (readonly number[])[];
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
}

/** @throws ArgumentError if an option is set that does nothing without another */
function refuseIdle(op: string, option: string, isSet: boolean, other: string, otherIsSet: boolean): void {
  if (!isSet || otherIsSet) return;
  throw new ArgumentError(op, `${option} does nothing without ${other}; set that too, or leave it out`, {
    expected: other,
    got: option,
  });
}

/** @throws ArgumentError unless there are options of single layers for no more layers than there are, with names that cells have */
function checkExceptions({ op, cellNames }: LayerKind, layers: readonly object[], count: number): void {
  if (!Array.isArray(layers)) {
    throw new ArgumentError(op, `layers must be a list of options, one per layer, got ${show(layers)}`, {
      got: layers,
    });
  }
  for (const [k, each] of layers.entries()) checkNames(`${op}.layers[${k}]`, each, exceptionNamesOf(cellNames));
  if (layers.length > count) {
    throw new ArgumentError(op, `layers has options for ${layers.length} layers, but there are ${count}`, {
      expected: count,
      got: layers.length,
    });
  }
}

/** Checks the options of layers. @throws ArgumentError if one is out of range or makes no sense beside another */
export function resolveLayers(kind: LayerKind, options: LayerOptionsOf<RecurrentCellOptions>): LayerSettings {
  const { op, cellNames } = kind;
  checkNames(op, options, layerNamesOf(cellNames));
  const { inputChannels, spatialDims = 2, layers = [], layerDropout = 0, checkpoint = false } = options;
  const { batchFirst = false, returnAllLayers = false, returnSequences = true } = options;
  const { goBackwards = false, keepOrder = false } = options;
  const { stateful = false, detachCarried = true, saveState = false } = options;
  checkFlags(op, { batchFirst, returnAllLayers, returnSequences, goBackwards, keepOrder });
  checkFlags(op, { stateful, detachCarried, saveState });
  checkWhole(op, "inputChannels", inputChannels, 0);
  const hidden = resolveHidden(op, options.hiddenChannels, options.numLayers);
  const count = hidden.length;
  const kernels = resolveKernels(op, "kernelSize", options.kernelSize, count, spatialDims);
  const stateKernel = options.stateKernelSize ?? options.kernelSize;
  const stateKernels = resolveKernels(op, "stateKernelSize", stateKernel, count, spatialDims);
  checkExceptions(kind, layers, count);
  if (typeof checkpoint === "number") checkWhole(op, "checkpoint", checkpoint, 1);
  else checkFlags(op, { checkpoint });
  checkRate(op, "layerDropout", layerDropout);
  refuseIdle(op, "keepOrder", keepOrder, "goBackwards", goBackwards);
  refuseIdle(op, "saveState", saveState, "stateful", stateful);
  refuseIdle(op, "detachCarried: false", !detachCarried, "stateful", stateful);
  if (goBackwards && inputChannels === 0) {
    throw new ArgumentError(op, "goBackwards is about the input, but inputChannels is 0: there is none");
  }
  return {
    hidden,
    kernels,
    stateKernels,
    spatialDims,
    batchFirst,
    returnAllLayers,
    returnSequences,
    goBackwards,
    keepOrder,
    stateful,
    detachCarried,
    saveState,
    checkpoint,
    layerDropout,
  };
}
