import { formatShape, ShapeError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkChoice, checkNumber } from "../arguments.ts";

/** What follows a layer, for {@link calculateGain}. */
export type Nonlinearity =
  | "linear"
  | "conv1d"
  | "conv2d"
  | "conv3d"
  | "convTranspose1d"
  | "convTranspose2d"
  | "convTranspose3d"
  | "sigmoid"
  | "tanh"
  | "relu"
  | "leakyRelu"
  | "selu";

const one = (): number => 1;

const gains: ReadonlyMap<Nonlinearity, (slope: number) => number> = new Map<Nonlinearity, (slope: number) => number>([
  ["linear", one],
  ["conv1d", one],
  ["conv2d", one],
  ["conv3d", one],
  ["convTranspose1d", one],
  ["convTranspose2d", one],
  ["convTranspose3d", one],
  ["sigmoid", one],
  ["tanh", () => 5 / 3],
  ["relu", () => Math.SQRT2],
  ["leakyRelu", (slope) => Math.sqrt(2 / (1 + slope * slope))],
  ["selu", () => 3 / 4],
]);

/** As {@link calculateGain}, under the caller's name and its name for the slope. */
export function gainOf(op: string, nonlinearity: Nonlinearity, slopeName: string, slope: number): number {
  checkChoice(op, "nonlinearity", nonlinearity, [...gains.keys()]);
  checkNumber(op, slopeName, slope);
  return gains.get(nonlinearity)?.(slope) ?? 1;
}

/**
 * The factor by which weights before a nonlinearity grow so that signals keep their size; PyTorch's table: 1 for linear ones and sigmoid,
 * 5/3 for tanh, √2 for relu, √(2 / (1 + a²)) for leakyRelu, 3/4 for selu.
 * @param param - slope `a` of leakyRelu, default 0.01; others ignore it
 * @throws ArgumentError if there is no such nonlinearity or the slope is not a finite number
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  return gainOf("calculateGain", nonlinearity, "param", param);
}

/**
 * How many inputs an output sums over and how many outputs an input reaches: of a weight `[O, I, …k]` these are `I·k…` and `O·k…`.
 * @throws ShapeError if it has fewer than two axes
 */
export function fans(op: string, tensor: Tensor): { readonly fanIn: number; readonly fanOut: number } {
  const [outputs = 0, inputs = 0, ...kernel] = tensor.shape;
  if (tensor.rank < 2) {
    throw new ShapeError(
      op,
      `needs at least two axes [O, I, …] to count inputs and outputs, got shape ${formatShape(tensor.shape)}`,
      { expected: 2, got: tensor.rank },
    );
  }
  const taps = kernel.reduce((product, k) => product * k, 1);
  return { fanIn: inputs * taps, fanOut: outputs * taps };
}
