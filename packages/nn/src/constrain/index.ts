/**
 * Constraints of weights, in place and unseen by autograd: call them after `optimizer.step()`. The constraints of Keras. Each returns its tensor.
 */
export { type MaxNormOptions, maxNorm_ } from "./maxNorm.ts";
export { type MinMaxNormOptions, minMaxNorm_ } from "./minMaxNorm.ts";
export { nonNeg_ } from "./nonNeg.ts";
export type { NormOptions } from "./norm.ts";
export { unitNorm_ } from "./unitNorm.ts";
