import { type ElementwiseFunction, expressions as e, elementwise } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkNumber } from "../arguments.ts";
import { Module } from "../module/module.ts";
import type { Names } from "../optionNames.ts";
import { elementLoss } from "./elementLoss.ts";
import { checkPair, checkReduction, type LossOptions, type LossReduction, lossNames } from "./reduction.ts";

const difference = e.sub(e.input(0), e.input(1));
const distance = e.unary("abs", difference);
const delta = e.scalar(0);
const isNear = e.binary("lt", distance, delta);

const huberError: ElementwiseFunction = elementwise({
  name: "huber",
  arity: 2,
  value: e.select(isNear, e.mul(0.5, e.mul(difference, difference)), e.mul(delta, e.sub(distance, e.mul(0.5, delta)))),
  gradient: (g) => {
    const slope = e.mul(g, e.select(isNear, difference, e.mul(delta, e.unary("sign", difference))));
    return [slope, e.neg(slope)];
  },
});

/** Options of {@link huber}. */
export interface HuberOptions extends LossOptions {
  /** Distance at which the square goes over into a straight line. Above 0; default 1. */
  readonly delta?: number;
}

const names: Names<HuberOptions> = { ...lossNames, delta: true };

function checkDelta(op: string, { delta: value = 1 }: HuberOptions): number {
  checkNumber(op, "delta", value, "a finite number > 0", (n) => n > 0);
  return value;
}

/**
 * Huber's error: `½d²` where `|d| < δ`, else `δ·(|d| - ½δ)`, with `d = input - target`; reduced; PyTorch's `huber_loss`.
 * @param input - any shape
 * @param target - the same shape; gradients flow to it, too
 * @returns a number (shape `[]`), or the shape of the input for `reduction: "none"`
 * @throws ShapeError if the shapes differ; ArgumentError if an option is unknown, `delta` is not above 0 or the reduction none of the three;
 * DTypeError, DeviceError
 */
export function huber(input: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  const reduction = checkReduction("huber", options, names);
  const value = checkDelta("huber", options);
  checkPair("huber", input, target);
  return elementLoss(huberError, [input, target], reduction, [value]);
}

/** {@link huber} as a module. */
export class HuberLoss extends Module {
  /** What becomes of the losses of single elements. */
  readonly reduction: LossReduction;
  /** Distance at which the square goes over into a straight line. */
  readonly delta: number;

  /** @throws ArgumentError if an option is unknown, `delta` is not above 0 or the reduction is none of the three */
  constructor(options: HuberOptions = {}) {
    super();
    this.reduction = checkReduction("HuberLoss", options, names);
    this.delta = checkDelta("HuberLoss", options);
  }

  /** The loss of `input` against `target`, of one shape. @throws as {@link huber} */
  forward(input: Tensor, target: Tensor): Tensor {
    return huber(input, target, { reduction: this.reduction, delta: this.delta });
  }
}
