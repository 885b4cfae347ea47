import { type ConvLSTMFormat, type ConvLSTMFormatName, importConvLSTM, type Module } from "@squall/nn";
import { type CaseInputs, type LoadedParameter, need } from "./case.ts";

/**
 * Loads the fixture's weights, which are those of a ConvLSTM in some format, into a module.
 * @param prefix - what stands before the module's own names among imported ones: `cells.0.` for a cell
 */
export function loadParameters(
  module: Module,
  { parameters }: CaseInputs,
  format: ConvLSTMFormat | ConvLSTMFormatName,
  prefix = "",
): LoadedParameter[] {
  const imported = Object.entries(importConvLSTM(parameters, format));
  const sources = Object.fromEntries(imported.map(([name, source]) => [name.slice(prefix.length), source]));
  module.loadStateDict(sources);
  return module.namedParameters().map(([name, parameter]) => ({ parameter, source: need(sources, name) }));
}
