import {
  type ElementwiseFunction,
  type Expression,
  expressions as e,
  elementwise,
  formatShape,
  ShapeError,
} from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkChoice, checkNumber } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { elementLoss } from "./elementLoss.ts";
import { checkPair } from "./reduction.ts";

const stepOf = (here: number, before: number): Expression => e.unary("abs", e.sub(e.input(here), e.input(before)));
/** How far the steps between neighbours differ: inputs are input and target here, then input and target one pixel before. */
const distance = e.unary("abs", e.sub(stepOf(1, 3), stepOf(0, 2)));

const linear: ElementwiseFunction = elementwise({ name: "gdl", arity: 4, value: distance });
const powered: ElementwiseFunction = elementwise({
  name: "gdl",
  arity: 4,
  value: e.binary("pow", distance, e.scalar(0)),
});

/** Options of {@link gdl}. */
export interface GDLOptions {
  /**
   * `"mean"` (default): the mean over all pairs of neighbours, down and across. `"sum"`: their sum, as in the paper. Losses of single pairs belong
   * to no one pixel, so there is no `"none"`.
   */
  readonly reduction?: "mean" | "sum";
  /** The power α of each difference, 1 or more. Default 1. */
  readonly alpha?: number;
}

const names: Names<GDLOptions> = { reduction: true, alpha: true };

function checkOptions(op: string, options: GDLOptions): Required<GDLOptions> {
  checkNames(op, options, names);
  const { reduction = "mean", alpha = 1 } = options;
  checkChoice(op, "reduction", reduction, ["mean", "sum"]);
  checkNumber(op, "alpha", alpha, "a finite number >= 1", (n) => n >= 1);
  return { reduction, alpha };
}

type Neighbours = readonly [input: Tensor, target: Tensor, inputBefore: Tensor, targetBefore: Tensor];

/** Every pixel but the first along an axis, and the one before each. */
function neighbours(input: Tensor, target: Tensor, dim: number): Neighbours {
  // None at all along an axis of size 0.
  const size = input.shape.at(dim) ?? 0;
  const [first, end] = [Math.min(1, size), Math.max(0, size - 1)];
  return [input.slice(dim, first), target.slice(dim, first), input.slice(dim, 0, end), target.slice(dim, 0, end)];
}

/**
 * Gradient difference loss: holds the steps between neighbouring pixels of a forecast to those of the truth, against blur;
 * `||y[i,j] - y[i-1,j]| - |x[i,j] - x[i-1,j]||^α + ||y[i,j] - y[i,j-1]| - |x[i,j] - x[i,j-1]||^α` with the target y, reduced (Mathieu et al. 2016).
 * It does not see a constant that is added everywhere; add {@link mse} or {@link l1} to it.
 * @param input - images `[…, H, W]`
 * @param target - the same shape; gradients flow to it, too. That of `|0|` is 0.
 * @returns a number (shape `[]`); without any neighbours the sum is 0 and the mean NaN
 * @throws ShapeError if the shapes differ or have fewer than two axes; ArgumentError if an option is unknown, `alpha` is below 1 or the reduction
 * none of the two; DTypeError, DeviceError
 */
export function gdl(input: Tensor, target: Tensor, options: GDLOptions = {}): Tensor {
  const { reduction, alpha } = checkOptions("gdl", options);
  checkPair("gdl", input, target);
  if (input.rank < 2) {
    throw new ShapeError("gdl", `needs images […, H, W], got shape ${formatShape(input.shape)}`, {
      expected: 2,
      got: input.rank,
    });
  }
  const down = neighbours(input, target, -2);
  const across = neighbours(input, target, -1);
  const sum = (pairs: Neighbours): Tensor =>
    alpha === 1 ? elementLoss(linear, pairs, "sum") : elementLoss(powered, pairs, "sum", [alpha]);
  const total = sum(down).add(sum(across));
  return reduction === "sum" ? total : total.div(down[0].size + across[0].size);
}

/** {@link gdl} as a module. */
export class GDLLoss extends Module {
  /** What becomes of the losses of single pairs. */
  readonly reduction: "mean" | "sum";
  /** The power of each difference. */
  readonly alpha: number;

  /** @throws ArgumentError if an option is unknown, `alpha` is below 1 or the reduction is none of the two */
  constructor(options: GDLOptions = {}) {
    super();
    const { reduction, alpha } = checkOptions("GDLLoss", options);
    this.reduction = reduction;
    this.alpha = alpha;
  }

  /** The loss of images `input` against `target`, of one shape `[…, H, W]`. @throws as {@link gdl} */
  forward(input: Tensor, target: Tensor): Tensor {
    return gdl(input, target, { reduction: this.reduction, alpha: this.alpha });
  }
}
