/**
 * The contract that devices fulfil: dtypes, storage, the closed list of kernels, geometries, elementwise functions as data, and the
 * errors that every package throws. Knows nothing of autograd.
 * @packageDocumentation
 */
export type { Device, DeviceMemory } from "./device.ts";
export { allocate, bytesPerElement, type DType, dtypeOf, dtypes, type FloatArray } from "./dtype.ts";
export { derivative } from "./elementwise/derivative.ts";
export type { BinaryFunction, Expression, Operand, UnaryFunction } from "./elementwise/expression.ts";
export * as expressions from "./elementwise/expression.ts";
export {
  type ElementwiseFunction,
  type ElementwiseGradient,
  type ElementwiseRow,
  elementwise,
} from "./elementwise/function.ts";
export { type FunctionName, functions } from "./elementwise/table.ts";
export {
  ArgumentError,
  AutogradError,
  DeviceError,
  DTypeError,
  type ErrorSides,
  ShapeError,
  SquallError,
  StateDictError,
} from "./errors.ts";
export {
  type ConvAxis,
  type ConvGeometry,
  type ConvOptions,
  convGeometry,
  convInputShape,
  convOutputShape,
  convWeightShape,
  describeConv,
  type Padding,
  type PerAxis,
  perAxis,
} from "./geometry/conv.ts";
export type { ConvLstmGeometry } from "./geometry/convLstm.ts";
export type { CopyGeometry } from "./geometry/copy.ts";
export type { LstmGeometry, Peephole } from "./geometry/lstm.ts";
export type { MapGeometry } from "./geometry/map.ts";
export type { MatmulGeometry } from "./geometry/matmul.ts";
export type { ReduceGeometry, Reduction } from "./geometry/reduce.ts";
export type {
  ConvLstmGradientInputs,
  ConvLstmGradientOutputs,
  ConvLstmInputs,
  ConvLstmKernels,
  ConvLstmOutputs,
  Kernels,
  LstmStepGradientInputs,
  LstmStepGradientOutputs,
  LstmStepInputs,
  LstmStepOutputs,
} from "./kernels.ts";
export {
  broadcastShapes,
  broadcastStrides,
  checkShape,
  formatShape,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from "./shape.ts";
export type { Storage } from "./storage.ts";
export { disposeStorage, isInScope, keepStorage, storageScope, trackStorage } from "./storageScope.ts";
