import { formatShape, ShapeError } from "@squall/device";
import { eye, noGrad, type Tensor } from "@squall/tensor";
import { checkDivisible, checkWhole } from "../arguments.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { write } from "./fill.ts";

/** Sets every element to `value`. Returns the tensor. */
export function constant_<T extends Tensor>(tensor: T, value: number): T {
  return noGrad(() => tensor.fill_(value));
}

/** Sets every element to 1. Returns the tensor. */
export function ones_<T extends Tensor>(tensor: T): T {
  return constant_(tensor, 1);
}

/** Sets every element to 0. Returns the tensor. */
export function zeros_<T extends Tensor>(tensor: T): T {
  return constant_(tensor, 0);
}

/** Makes a matrix `[n, m]` the identity, as far as it goes. Returns the tensor. @throws ShapeError unless it has two axes */
export function eye_<T extends Tensor>(tensor: T): T {
  const [rows, columns] = matrixShape("eye_", tensor);
  return noGrad(() => tensor.copy_(eye(rows, columns, tensor)));
}

/** Sizes of a matrix. @throws ShapeError unless it has two axes */
export function matrixShape(op: string, tensor: Tensor): [rows: number, columns: number] {
  const [rows, columns] = tensor.shape;
  if (rows === undefined || columns === undefined || tensor.rank !== 2) {
    throw new ShapeError(op, `needs a matrix [n, m], got shape ${formatShape(tensor.shape)}`, {
      expected: 2,
      got: tensor.rank,
    });
  }
  return [rows, columns];
}

/** Options of {@link dirac_}. */
export interface DiracOptions {
  /** Groups of the convolution: each passes its own channels on. Default 1. */
  readonly groups?: number;
}

const diracNames: Names<DiracOptions> = { groups: true };

/**
 * Makes the weight of a convolution `[O, C/groups, …k]` pass its input on: output channel `c` of each group is its input channel `c`, as far as
 * there are channels. The tap is at `floor(k / 2)`, as in PyTorch: the input stays in place for odd kernels with padding `"same"`.
 * Returns the tensor.
 * @throws ShapeError unless it has 3 to 5 axes; ArgumentError if an option is unknown or `groups` is no whole number that divides O
 */
export function dirac_<T extends Tensor>(tensor: T, options: DiracOptions = {}): T {
  checkNames("dirac_", options, diracNames);
  const { groups = 1 } = options;
  const [outChannels = 0, groupChannels = 0, ...kernel] = tensor.shape;
  if (tensor.rank < 3 || tensor.rank > 5) {
    throw new ShapeError(
      "dirac_",
      `needs the weight of a convolution [O, C/groups, …k] with 3 to 5 axes, got shape ${formatShape(tensor.shape)}`,
      { got: tensor.rank },
    );
  }
  checkWhole("dirac_", "groups", groups, 1);
  checkDivisible("dirac_", "the first size", outChannels, "groups", groups);
  const taps = kernel.reduce((product, k) => product * k, 1);
  const centre = kernel.reduce((offset, k) => offset * k + Math.floor(k / 2), 0);
  const perGroup = outChannels / groups;
  const values = new Float64Array(tensor.size);
  for (let o = 0; o < outChannels; o++) {
    const channel = o % perGroup;
    if (channel < groupChannels && taps > 0) values[(o * groupChannels + channel) * taps + centre] = 1;
  }
  return write(tensor, values);
}
