/**
 * Initial values, written into a tensor in place and unseen by autograd; the functions of PyTorch's `torch.nn.init`. Each returns its tensor.
 */
export {
  constant_,
  type DiracOptions,
  dirac_,
  eye_,
  ones_,
  zeros_,
} from "./constant.ts";
export type { InitOptions } from "./fill.ts";
export { calculateGain, type Nonlinearity } from "./gain.ts";
export { type KaimingOptions, kaimingNormal_, kaimingUniform_ } from "./kaiming.ts";
export { type OrthogonalOptions, orthogonal_ } from "./orthogonal.ts";
export { type NormalOptions, normal_, type UniformOptions, uniform_ } from "./random.ts";
export { type SparseOptions, sparse_ } from "./sparse.ts";
export { type TruncNormalOptions, truncNormal_ } from "./truncNormal.ts";
export { type XavierOptions, xavierNormal_, xavierUniform_ } from "./xavier.ts";
