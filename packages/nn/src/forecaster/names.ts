/*
 * Which options a forecaster has, and which it refuses although its layers have them.
 */
import { ArgumentError } from "@squall/device";
import type { ConvLSTMOptions } from "../convlstm/convLSTM.ts";
import { moduleNames } from "../module/options.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { exceptionNamesOf, layerNamesOf, sequenceNames, without } from "../recurrent/names.ts";
import { type ForecasterCell, recurrentCellNames } from "./cells.ts";
import type { ConvStageOptions } from "./convStage.ts";
import type { ForecastOptions } from "./forecastOptions.ts";
import type { DecidedOptions, EncoderForecasterOptions, StageOptions } from "./options.ts";

const decided: Readonly<Record<DecidedOptions, string>> = {
  returnAllLayers: "the encoder hands on states and the forecaster returns frames",
  returnSequences: "the encoder hands on states and the forecaster returns frames",
  goBackwards: "the encoder reads frames in their order",
  keepOrder: "the encoder reads frames in their order",
  stateful: "every call starts anew",
  detachCarried: "every call starts anew",
  saveState: "every call starts anew",
  stride: "states must have the sizes that stages say; use stages",
  padding: "states must have the sizes that stages say; use stages",
};

/** What forecasters have beside the options of their layers. */
const ownNames: Readonly<Record<Exclude<keyof EncoderForecasterOptions, keyof ConvLSTMOptions>, true>> = {
  cell: true,
  outputChannels: true,
  patchSize: true,
  patchPadding: true,
  stages: true,
  layerOrder: true,
  head: true,
  forecasterInput: true,
  feedback: true,
};

const stageNames: Names<StageOptions> = {
  stride: true,
  kernelSize: true,
  channels: true,
  activation: true,
  upsampling: true,
};

/** Of the stages on their own. */
export const convStageNames: Names<ConvStageOptions> = {
  inChannels: true,
  outChannels: true,
  spatialDims: true,
  stride: true,
  kernelSize: true,
  bias: true,
  activation: true,
  ...moduleNames,
};

/** Of a call. */
export const forecastNames: Names<ForecastOptions> = {
  ...sequenceNames,
  targets: true,
  teacherForcing: true,
  encoderForcing: true,
};

/** @throws ArgumentError if options that the model decides itself are set, for all layers or for one */
function refuseDecided(op: string, options: object, where = ""): void {
  for (const [name, reason] of Object.entries(decided)) {
    if (Object.entries(options).some(([each, value]) => each === name && value !== undefined)) {
      throw new ArgumentError(op, `${where}${name} cannot be chosen: ${reason}; leave it out`, { got: name });
    }
  }
}

/** What may be checked of any object. */
interface Nested {
  readonly layers?: readonly object[];
  readonly stages?: readonly (object | null)[];
}

/** @throws ArgumentError if there is an option that the model or its layers do not have, or that it decides itself */
export function checkForecasterNames(op: string, cell: ForecasterCell, options: object & Nested): void {
  refuseDecided(op, options);
  const ofCell = recurrentCellNames[cell];
  checkNames(op, options, { ...without(layerNamesOf(ofCell), decided), ...ownNames });
  for (const name of ["layers", "stages"] as const) {
    if (options[name] === undefined || Array.isArray(options[name])) continue;
    throw new ArgumentError(op, `${name} must be a list, one entry per layer`, { got: options[name] });
  }
  for (const [k, layer] of (options.layers ?? []).entries()) {
    refuseDecided(op, layer, `layers[${k}].`);
    checkNames(`${op}.layers[${k}]`, layer, without(exceptionNamesOf(ofCell), { ...decided, imageSize: true }));
  }
  for (const [k, stage] of (options.stages ?? []).entries()) {
    if (stage !== null) checkNames(`${op}.stages[${k}]`, stage, stageNames);
  }
}
