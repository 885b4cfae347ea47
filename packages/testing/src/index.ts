/**
 * Gradient checks, fast-check arbitraries, one sample row per op, and the conformance test of devices.
 * @packageDocumentation
 */
export { axes, axisLists, axisOrders, reductionAxes } from "./arbitraries/axes.ts";
export {
  type ConvProblem,
  type ConvTransposeProblem,
  convProblems,
  convTransposeProblems,
} from "./arbitraries/conv.ts";
export { broadcastableShapes, type ShapeConstraints, shapes } from "./arbitraries/shapes.ts";
export { awayFrom, type TensorConstraints, tensors } from "./arbitraries/tensors.ts";
export {
  type ConformanceCase,
  ConformanceError,
  type ConformanceOptions,
  type Tolerance,
} from "./conformance/case.ts";
export { deviceConformance } from "./conformance/conformance.ts";
export { GradcheckError, type GradcheckMismatch } from "./gradcheck/error.ts";
export { gradcheck } from "./gradcheck/gradcheck.ts";
export { gradgradcheck } from "./gradcheck/gradgradcheck.ts";
export type { GradcheckOptions } from "./gradcheck/options.ts";
export type { Differentiable } from "./gradcheck/subject.ts";
export type { Sample, SampleCase } from "./samples/sample.ts";
export { samples } from "./samples/table.ts";
