import { ArgumentError } from "@squall/device";
import { checkChoice, checkFlags } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import type { ConvLSTMFormat, ConvLSTMInterchangeOptions, ConvLSTMNames } from "./format.ts";
import { allGates } from "./gate.ts";

const roles: Names<ConvLSTMNames> = {
  weight: true,
  inputWeight: true,
  stateWeight: true,
  bias: true,
  stateBias: true,
  peephole: true,
};

const formatNames: Names<ConvLSTMFormat> = {
  names: true,
  layout: true,
  gateOrder: true,
  gateNames: true,
  forgetOffset: true,
  twoBiases: true,
  spatialBias: true,
  batchedPeephole: true,
  oneKernel: true,
  grouped: true,
};

const optionNames: Names<ConvLSTMInterchangeOptions> = {
  names: true,
  gateOrder: true,
  batchedPeephole: true,
  prefix: true,
  others: true,
};

/** @throws ArgumentError if options hold what would be ignored */
export function checkOptions(op: string, options: ConvLSTMInterchangeOptions): void {
  checkNames(op, options, optionNames);
  checkFlags(op, { batchedPeephole: options.batchedPeephole });
  if (options.names !== undefined) checkNames(`${op}.names`, options.names, roles);
  if (options.others !== undefined) checkChoice(op, "others", options.others, ["refuse", "ignore"]);
}

/** @throws ArgumentError if a format of one's own holds what would be ignored, or no names */
export function checkFormat(op: string, format: ConvLSTMFormat): void {
  checkNames(`${op}.format`, format, formatNames);
  checkNames(`${op}.format.names`, format.names, roles);
  const { twoBiases, spatialBias, batchedPeephole, oneKernel, grouped } = format;
  checkFlags(op, { twoBiases, spatialBias, batchedPeephole, oneKernel, grouped });
  const unknown = Object.keys(format.gateNames ?? {}).filter((gate) => !allGates.some((each) => each === gate));
  if (unknown.length > 0) {
    throw new ArgumentError(
      op,
      `gateNames must be those of i, f, o and g, got one of ${unknown.join(", ")}; g is the candidate, which others call c or j`,
      { expected: allGates, got: unknown },
    );
  }
  if (format.layout !== undefined) checkChoice(op, "layout", format.layout, ["torch", "channelsLast"]);
}

/** @throws ArgumentError if the names of a layer do not go together, or not with the format */
export function checkTogether(op: string, names: ConvLSTMNames, { forgetOffset, grouped }: ConvLSTMFormat): void {
  const { weight, inputWeight, stateWeight } = names;
  const fused = weight !== undefined;
  if (fused !== (inputWeight === undefined) || fused !== (stateWeight === undefined)) {
    throw new ArgumentError(op, "names must hold either weight, or inputWeight and stateWeight", { got: names });
  }
  if (fused && grouped === true) {
    throw new ArgumentError(op, "a convolution over cat(x, h) cannot be grouped; leave out grouped", { got: names });
  }
  if (names.bias === undefined && (forgetOffset ?? 0) !== 0) {
    throw new ArgumentError(op, "a forgetOffset needs names.bias to be made up for", { got: names });
  }
}
