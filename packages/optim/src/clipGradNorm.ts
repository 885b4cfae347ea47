import { ArgumentError, DeviceError, DTypeError, storageScope } from "@squall/device";
import { div, maximum, noGrad, type Tensor, zeros } from "@squall/tensor";
import { listParams } from "./paramGroup.ts";

/** Options of {@link clipGradNorm}. */
export interface ClipGradNormOptions {
  /** Which norm: a number p > 0 for `(Σ|g|ᵖ)^(1/p)`, or `Infinity` for the largest `|g|`. Default 2. */
  readonly normType?: number;
  /** Refuse to clip by a norm that is NaN or infinite. Waits for the norm, so only on devices that can be read at once. Default false. */
  readonly errorIfNonfinite?: boolean;
}

const op = "clipGradNorm";

function checkAlike(gradients: readonly Tensor[]): void {
  const [first] = gradients;
  for (const gradient of gradients) {
    if (gradient.dtype !== first?.dtype) {
      throw new DTypeError(
        op,
        `gradients are ${first?.dtype} and ${gradient.dtype}, which have no norm together; clip them in separate calls`,
        { expected: first?.dtype, got: gradient.dtype },
      );
    }
    if (gradient.device !== first.device) {
      throw new DeviceError(
        op,
        `gradients are on ${first.device.name} and ${gradient.device.name}, which have no norm together; clip them in separate calls`,
        { expected: first.device.name, got: gradient.device.name },
      );
    }
  }
}

function totalNorm(gradients: readonly Tensor[], normType: number): Tensor | undefined {
  const filled = gradients.filter((gradient) => gradient.size > 0);
  if (normType === Number.POSITIVE_INFINITY) {
    return filled
      .map((gradient) => gradient.abs().max())
      .reduce<Tensor | undefined>((norm, next) => (norm === undefined ? next : maximum(norm, next)), undefined);
  }
  const powers = filled.map((gradient) => {
    if (normType === 2) return gradient.square().sum();
    return normType === 1 ? gradient.abs().sum() : gradient.abs().pow(normType).sum();
  });
  const sum = powers.reduce<Tensor | undefined>((all, next) => all?.add(next) ?? next, undefined);
  if (normType === 2) return sum?.sqrt();
  return normType === 1 ? sum : sum?.pow(1 / normType);
}

function zeroLike(like: Tensor | undefined): Tensor {
  return like === undefined ? zeros([]) : zeros([], { dtype: like.dtype, device: like.device });
}

/**
 * Scales all gradients by `min(1, maxNorm / (norm + 1e-6))`, where `norm` is that of all of them as one vector: PyTorch's
 * `clip_grad_norm_`. Each `grad` becomes a new tensor, in the place of one that `backward` made, which is freed; parameters without one are skipped. Nothing is read from the device unless
 * `errorIfNonfinite` asks for it.
 * @param params - parameters after `backward()`; one that comes twice counts once
 * @param maxNorm - largest norm allowed, >= 0; `Infinity` only measures
 * @returns the norm before clipping, a tensor of one number
 * @throws ArgumentError if there are no parameters, an option is out of range, or `errorIfNonfinite` met a norm that is not finite;
 * DTypeError, DeviceError if the gradients differ in these.
 */
export function clipGradNorm(params: Iterable<Tensor>, maxNorm: number, options: ClipGradNormOptions = {}): Tensor {
  const list = [...new Set(listParams(op, "params", params))];
  const { normType = 2, errorIfNonfinite = false } = options;
  if (typeof maxNorm !== "number" || !(maxNorm >= 0)) {
    throw new ArgumentError(op, `maxNorm must be a number >= 0, got ${maxNorm}`, { got: maxNorm });
  }
  if (typeof normType !== "number" || !(normType > 0)) {
    throw new ArgumentError(op, `normType must be a number > 0 or Infinity, got ${normType}`, { got: normType });
  }
  const gradients = list.flatMap((param) => param.grad ?? []);
  checkAlike(gradients);
  const measure = (): readonly [norm: Tensor, clipped: readonly Tensor[]] => {
    const norm = totalNorm(gradients, normType) ?? zeroLike(gradients[0] ?? list[0]);
    if (errorIfNonfinite) {
      const value = norm.itemSync();
      if (!Number.isFinite(value)) {
        throw new ArgumentError(
          op,
          `the norm of the gradients is ${value}, so they cannot be clipped; look for what made them so, or leave out errorIfNonfinite`,
          { got: value },
        );
      }
    }
    if (maxNorm === Number.POSITIVE_INFINITY) return [norm, []];
    const scale = div(maxNorm, norm.add(1e-6)).clamp(undefined, 1);
    return [norm, gradients.map((gradient) => gradient.mul(scale))];
  };
  const [norm, clipped] = storageScope(
    () => noGrad(measure),
    ([measured, scaled]) => [measured, ...scaled].map((tensor) => tensor.storage),
  );
  const clippedParams = list.filter((param) => param.grad !== undefined);
  for (const [k, gradient] of clipped.entries()) clippedParams[k]?.replaceGrad(gradient);
  return norm;
}
