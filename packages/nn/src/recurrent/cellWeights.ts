import type { Shape } from "@squall/device";
import { defaultGenerator, type Generator, noGrad, ones, scope, type Tensor, tensor, zeros } from "@squall/tensor";
import { creation } from "../module/options.ts";
import { Parameter } from "../module/parameter.ts";
import type { CellKind } from "./cell.ts";
import { resolveInit, tapsOf } from "./cellInit.ts";
import type { CellSettings } from "./cellSettings.ts";
import type { RecurrentCellOptions } from "./options.ts";

/** The parameters of a cell; those that options leave out are `undefined`. */
export interface CellWeights {
  /** `[gates·H, C/groups, …k]` */
  readonly inputWeight: Parameter | undefined;
  /** `[gates·H, H/stateGroups, …k]` */
  readonly stateWeight: Parameter;
  /** `[gates·H]` */
  readonly bias: Parameter | undefined;
  /** `[blocks·H]` or `[blocks·H, …size]` */
  readonly normWeight: Parameter | undefined;
  /** `[parts, H, 1…]` */
  readonly learnedState: Parameter | undefined;
}

/**
 * Makes the parameters of a cell from checked options: from here on nothing is refused, so that an option that is draws no random numbers.
 * @param fixedSize - sizes of the states, where an option fixes them
 */
export function makeCellWeights(
  kind: CellKind,
  options: RecurrentCellOptions,
  settings: CellSettings,
  fixedSize: readonly number[] | undefined,
): CellWeights {
  const { op, gates, forget } = kind;
  const { inputChannels, hiddenChannels, inputShape, stateShape, norm } = settings;
  const generator = options.generator ?? defaultGenerator();
  const init = resolveInit(op, options.init, tapsOf(inputShape, stateShape));
  const made = (shape: Shape, fill: (target: Tensor, options: { generator: Generator }) => unknown): Parameter => {
    const target = zeros(shape, creation(options));
    fill(target, { generator });
    return new Parameter(target);
  };
  const inputWeight = inputChannels === 0 ? undefined : made(inputShape, init.inputWeight);
  const stateWeight = made(stateShape, init.stateWeight);
  const bias = (options.bias ?? true) ? made([gates * hiddenChannels], init.bias) : undefined;
  if (bias !== undefined) {
    const { gate = 0, bias: forgetBias = init.forgetBias } = forget ?? { bias: 0 };
    const added = new Float64Array(gates * hiddenChannels);
    added.fill(forgetBias, gate * hiddenChannels, (gate + 1) * hiddenChannels);
    scope(() => noGrad(() => bias.copy_(bias.add(tensor(added, { dtype: "float32", ...creation(options) })))));
  }
  const positions = norm === "layer" ? (fixedSize ?? []) : [];
  const blocks = kind.normalized ?? gates;
  const channelwise = stateShape.slice(2).map(() => 1);
  return {
    inputWeight,
    stateWeight,
    bias,
    normWeight:
      norm === "none" ? undefined : new Parameter(ones([blocks * hiddenChannels, ...positions], creation(options))),
    learnedState:
      (options.learnedInitialState ?? false)
        ? new Parameter(zeros([kind.stateNames.length, hiddenChannels, ...channelwise], creation(options)))
        : undefined,
  };
}
