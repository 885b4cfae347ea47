import { formatShape, ShapeError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { checkWhole } from "../arguments.ts";
import { Module } from "../module/module.ts";
import { type ModuleOptions, moduleNames } from "../module/options.ts";
import type { Parameter } from "../module/parameter.ts";
import { checkNames, type Names } from "../optionNames.ts";
import { fanInInit } from "./fanInInit.ts";

/** Options of {@link Linear}. */
export interface LinearOptions extends ModuleOptions {
  /** Size of the last axis of the input. */
  readonly inFeatures: number;
  /** Size of the last axis of the output. */
  readonly outFeatures: number;
  /** Whether a learned number is added to each output feature. Default true. */
  readonly bias?: boolean;
}

const names: Names<LinearOptions> = { ...moduleNames, inFeatures: true, outFeatures: true, bias: true };

/** `x·Wᵀ + b` along the last axis, with PyTorch's initial values. */
export class Linear extends Module {
  /** Size of the last axis of the input. */
  readonly inFeatures: number;
  /** Size of the last axis of the output. */
  readonly outFeatures: number;
  /** `[outFeatures, inFeatures]`, initially uniform in ±1/√inFeatures. */
  readonly weight: Parameter;
  /** `[outFeatures]`, initially uniform in ±1/√inFeatures; `undefined` for `bias: false`. */
  readonly bias: Parameter | undefined;

  /** @throws ArgumentError if an option is unknown or a size is not a whole number >= 1 */
  constructor(options: LinearOptions) {
    super();
    checkNames("Linear", options, names);
    const { inFeatures, outFeatures, bias: hasBias = true } = options;
    checkWhole("Linear", "inFeatures", inFeatures, 1);
    checkWhole("Linear", "outFeatures", outFeatures, 1);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    const { weight, bias } = fanInInit("Linear", [outFeatures, inFeatures], hasBias ? outFeatures : undefined, options);
    this.weight = weight;
    this.bias = bias;
  }

  /** `[…, inFeatures]` to `[…, outFeatures]`. @throws ShapeError if the last axis has another size; DTypeError, DeviceError */
  forward(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.inFeatures) {
      throw new ShapeError(
        "Linear",
        `the last axis of the input must be inFeatures = ${this.inFeatures}, got input ${formatShape(x.shape)} (weight [out,in] = ${formatShape(this.weight.shape)})`,
        { expected: this.inFeatures, got: x.shape.at(-1) },
      );
    }
    const y = x.matmul(this.weight, { transposeB: true });
    return this.bias === undefined ? y : y.add(this.bias);
  }
}
