import { ArgumentError } from "@squall/device";

/** How much a gradient check does and how closely it looks. */
export interface GradcheckOptions {
  /** Half the distance of the two points of a central difference. Default 1e-6, as PyTorch. */
  readonly eps?: number;
  /** Allowed absolute difference. Default 1e-5, as PyTorch. */
  readonly atol?: number;
  /** Allowed difference relative to the numerical value. Default 1e-3, as PyTorch. */
  readonly rtol?: number;
  /**
   * `full` compares every entry of every Jacobian; `projection` compares `vᵀ·J·u` for random `u` and `v`, at a cost that does not grow with
   * the sizes, and looks at entries only to name the one that is wrong. Default: `full` while the checked inputs and the outputs have at most
   * 256 elements together, else `projection`.
   */
  readonly mode?: "full" | "projection";
  /** Seed of projections and upstream gradients. Default 0. */
  readonly seed?: number;
}

/** Options with their defaults filled in; `mode` waits for the sizes to be known. */
export interface ResolvedOptions {
  /** See {@link GradcheckOptions.eps}. */
  readonly eps: number;
  /** See {@link GradcheckOptions.atol}. */
  readonly atol: number;
  /** See {@link GradcheckOptions.rtol}. */
  readonly rtol: number;
  /** See {@link GradcheckOptions.mode}. */
  readonly mode: "full" | "projection" | undefined;
  /** See {@link GradcheckOptions.seed}. */
  readonly seed: number;
}

/** @throws ArgumentError if a number is out of range */
export function resolveOptions(op: string, options: GradcheckOptions): ResolvedOptions {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3, mode, seed = 0 } = options;
  if (!(eps > 0 && Number.isFinite(eps)))
    throw new ArgumentError(op, `eps must be a positive number, got ${eps}`, { got: eps });
  for (const [name, value] of Object.entries({ atol, rtol })) {
    if (!(value >= 0)) throw new ArgumentError(op, `${name} must be a number >= 0, got ${value}`, { got: value });
  }
  if (mode !== undefined && mode !== "full" && mode !== "projection") {
    throw new ArgumentError(op, `mode must be "full" or "projection", got "${String(mode)}"`, { got: mode });
  }
  return { eps, atol, rtol, mode, seed };
}
