/**
 * Tensors, operations and automatic differentiation.
 * @packageDocumentation
 */
export {
  ArgumentError,
  AutogradError,
  type ConvOptions,
  type Device,
  DeviceError,
  type DType,
  DTypeError,
  type FloatArray,
  type Padding,
  type PerAxis,
  type Shape,
  ShapeError,
  SquallError,
  StateDictError,
  type Storage,
} from "@squall/device";
export { detectAnomaly } from "./autograd/anomaly.ts";
export { checkpoint } from "./autograd/checkpoint.ts";
export type { BackwardOptions } from "./autograd/engine.ts";
export { type GradOptions, grad } from "./autograd/grad.ts";
export { enableGrad, isGradEnabled, noGrad } from "./autograd/mode.ts";
export type { GradientHook } from "./autograd/node.ts";
export {
  defineMultiOutputOp,
  defineOp,
  type GradientContext,
  type MultiOutputOp,
  type MultiOutputOpDefinition,
  type Op,
  type OpDefinition,
  type Saves,
} from "./autograd/op.ts";
export {
  arange,
  type CreateOptions,
  eye,
  full,
  fullLike,
  type NumericArray,
  ones,
  onesLike,
  type RandomOptions,
  rand,
  randLike,
  randn,
  randnLike,
  type TensorOptions,
  tensor,
  zeros,
  zerosLike,
} from "./create/create.ts";
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from "./create/generator.ts";
export { keep } from "./memory/keep.ts";
export { scope } from "./memory/scope.ts";
export { argmax } from "./ops/argmax.ts";
export { cat, stack } from "./ops/cat.ts";
export { conv1d, conv2d, conv3d, convInputOp, convOp, convWeightOp } from "./ops/conv.ts";
export { type ConvTransposeOptions, convTranspose1d, convTranspose2d, convTranspose3d } from "./ops/convTranspose.ts";
export * from "./ops/elementwise.ts";
export { type MatmulOptions, matmul } from "./ops/matmul.ts";
export { expand, flip, narrow, pad, permute, select, slice, transpose } from "./ops/move.ts";
export { pixelShuffle, pixelUnshuffle } from "./ops/pixelShuffle.ts";
export { max, mean, min, sum, type VarianceOptions, variance } from "./ops/reduce.ts";
export { flatten, reshape, squeeze, unsqueeze } from "./ops/reshape.ts";
export { logSoftmax, logsumexp, softmax } from "./ops/softmax.ts";
export { chunk, split, unbind } from "./ops/split.ts";
export { type Dims, type NestedArray, Tensor, type TensorOrNumber } from "./tensor.ts";
