import { ArgumentError, formatShape, type Shape, ShapeError, sameShape } from "@squall/device";
import { ones, type Tensor, zeros } from "@squall/tensor";
import { checkNumber, checkWhole } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { creation, type ModuleOptions, moduleNames } from "../module/options.ts";
import { Parameter } from "../module/parameter.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { normalize } from "./normalize.ts";

/** Options of {@link LayerNorm}. */
export interface LayerNormOptions extends ModuleOptions {
  /** Sizes of the last axes, which are normalized together; a number for one axis. */
  readonly normalizedShape: number | Shape;
  /** Added to the variance, so that nothing is divided by 0. Default 1e-5. */
  readonly eps?: number;
  /** Whether each element has a learned factor and summand. Default true. */
  readonly elementwiseAffine?: boolean;
  /** Whether there is a summand; only if `elementwiseAffine`. Default true. */
  readonly bias?: boolean;
}

const names: Names<LayerNormOptions> = {
  ...moduleNames,
  normalizedShape: true,
  eps: true,
  elementwiseAffine: true,
  bias: true,
};

/** Normalizes the last axes to mean 0 and variance 1 (Ba, Kiros and Hinton 2016); PyTorch's `LayerNorm`. */
export class LayerNorm extends Module {
  /** Sizes of the last axes, which are normalized together. */
  readonly normalizedShape: Shape;
  /** Added to the variance. */
  readonly eps: number;
  /** Factor per element, of shape `normalizedShape`, initially 1; `undefined` for `elementwiseAffine: false`. */
  readonly weight: Parameter | undefined;
  /** Summand per element, of shape `normalizedShape`, initially 0; `undefined` for `elementwiseAffine: false` or `bias: false`. */
  readonly bias: Parameter | undefined;

  /** @throws ArgumentError if an option is unknown, a size is not a whole number >= 1, there is none, or `eps` is negative */
  constructor(options: LayerNormOptions) {
    super();
    checkNames("LayerNorm", options, names);
    const { normalizedShape, eps = 1e-5, elementwiseAffine = true, bias = true } = options;
    const shape = Array.isArray(normalizedShape) ? [...normalizedShape] : [normalizedShape];
    if (shape.length === 0) {
      throw new ArgumentError("LayerNorm", "normalizedShape must name at least one axis, got []", { got: shape });
    }
    for (const size of shape) checkWhole("LayerNorm", "each size of normalizedShape", size, 1);
    checkNumber("LayerNorm", "eps", eps, "a finite number >= 0", (n) => n >= 0);
    this.normalizedShape = shape;
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(ones(shape, creation(options))) : undefined;
    this.bias = elementwiseAffine && bias ? new Parameter(zeros(shape, creation(options))) : undefined;
  }

  /** `[…, …normalizedShape]` to the same shape. @throws ShapeError if the last axes differ; DTypeError, DeviceError */
  forward(x: Tensor): Tensor {
    const { normalizedShape } = this;
    const last = x.shape.slice(-normalizedShape.length);
    if (!sameShape(last, normalizedShape)) {
      throw new ShapeError(
        "LayerNorm",
        `the last axes of the input must be ${formatShape(normalizedShape)}, got input ${formatShape(x.shape)}`,
        { expected: normalizedShape, got: last },
      );
    }
    const first = x.rank - normalizedShape.length;
    const dims = normalizedShape.map((_, axis) => first + axis);
    const y = normalize(x, dims, this.eps);
    const scaled = this.weight === undefined ? y : y.mul(this.weight);
    return this.bias === undefined ? scaled : scaled.add(this.bias);
  }
}
