/*
 * Names of the options of recurrent layers and cells, for `checkNames`.
 */
import { moduleNames } from "../module/options.ts";
import type { Names } from "../optionNames.ts";
import type { CommonOptions, RecurrentCellOptions, RecurrentLayerOptions } from "./options.ts";
import type { SequenceOptions } from "./sequenceMask.ts";
import type { RunOptions, StepOptions } from "./stepOptions.ts";

/** Of all cells. */
export const cellNames: Names<RecurrentCellOptions> = {
  inputChannels: true,
  hiddenChannels: true,
  kernelSize: true,
  stateKernelSize: true,
  spatialDims: true,
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
  stateDilation: true,
  stateGroups: true,
  bias: true,
  activation: true,
  recurrentActivation: true,
  norm: true,
  normGroups: true,
  imageSize: true,
  inputDropout: true,
  recurrentDropout: true,
  dropoutMasks: true,
  zoneout: true,
  zoneoutInEvaluation: true,
  learnedInitialState: true,
  init: true,
  ...moduleNames,
};

/** Of all layers, beside those of their cells. */
const layerNames: Names<RecurrentLayerOptions & { readonly layers: unknown }> = {
  hiddenChannels: true,
  kernelSize: true,
  stateKernelSize: true,
  numLayers: true,
  batchFirst: true,
  returnAllLayers: true,
  returnSequences: true,
  layerDropout: true,
  goBackwards: true,
  keepOrder: true,
  stateful: true,
  detachCarried: true,
  saveState: true,
  checkpoint: true,
  layers: true,
};

const commonNames: Names<Pick<RecurrentCellOptions, CommonOptions>> = {
  inputChannels: true,
  hiddenChannels: true,
  kernelSize: true,
  stateKernelSize: true,
  spatialDims: true,
  ...moduleNames,
};

/** Of a kind of layers. @param ofCell - those of their cells */
export function layerNamesOf<Own extends object>(ofCell: Own): Own & typeof layerNames {
  return { ...ofCell, ...layerNames };
}

/** Of exceptions for single layers. @param ofCell - those of the layers' cells */
export function exceptionNamesOf(ofCell: Readonly<Record<string, true>>): Readonly<Record<string, true>> {
  return without(ofCell, commonNames);
}

/** All names but some. */
export function without(names: Readonly<Record<string, true>>, some: object): Readonly<Record<string, true>> {
  return Object.fromEntries(Object.keys(names).flatMap((name) => (Object.hasOwn(some, name) ? [] : [[name, true]])));
}

/** Of the options of a sequence. */
export const sequenceNames: Names<SequenceOptions> = { lengths: true, mask: true };

/** Of the options of a run through a sequence. */
export const runNames: Names<RunOptions> = { ...sequenceNames, noise: true };

/** Of the options of a single step. */
export const stepNames: Names<StepOptions> = { active: true, noise: true };
