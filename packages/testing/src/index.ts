/**
 * Gradient checks, fast-check arbitraries, one sample row per op, and the conformance test of devices.
 * @packageDocumentation
 */
export { GradcheckError, type GradcheckMismatch } from "./gradcheck/error.ts";
export { gradcheck } from "./gradcheck/gradcheck.ts";
export { gradgradcheck } from "./gradcheck/gradgradcheck.ts";
export type { GradcheckOptions } from "./gradcheck/options.ts";
export type { Differentiable } from "./gradcheck/subject.ts";
