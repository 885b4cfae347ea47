import { StateDictError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import type { StateDict } from "../module/module.ts";
import type { ConvLSTMFormat, ConvLSTMInterchangeOptions } from "./format.ts";
import type { ConvLSTMFormatName } from "./formats.ts";
import { planOf } from "./plan.ts";
import { writeLayer } from "./writeLayer.ts";

const ourName = /^cells\.(0|[1-9]\d*)\.(inputWeight|stateWeight|bias|peephole)$/;

/**
 * The weights of a {@link ConvLSTM} as another program lays them out: the inverse of {@link importConvLSTM}, which gives back exactly what
 * went in (but for float rounding where a program adds a number to the forget gate, which is taken off its bias here).
 *
 * ```ts
 * await saveSafetensors("flax.safetensors", exportConvLSTM(model.stateDict(), "flax"));
 * ```
 *
 * It is made of differentiable operations. A layer without input gets weights for an input of 0 channels. Grouped convolutions, the peephole
 * `"conv"` and parameters of other options have no place in any format (with a single hidden channel, that peephole cannot be told from one
 * per position).
 * @param stateDict - of a ConvLSTM: `cells.L.inputWeight` `[4H, C, …k]`, `cells.L.stateWeight` `[4H, H, …k]`, `cells.L.bias` `[4H]`,
 * `cells.L.peephole` `[3, H, …]`
 * @param format - the name of one of {@link convLSTMFormats}, or one's own
 * @returns their tensors by their names; the bias, if a program has two, in the first, and zeros in the second if it needs one
 * @throws StateDictError if this is not the state dict of a ConvLSTM, or holds what the format has no place for: other parameters, peepholes,
 * more layers than names tell apart; ShapeError if the two kernels differ and the format has only one; ArgumentError if the format
 * or an option contradicts itself or is not known
 */
export function exportConvLSTM(
  stateDict: StateDict,
  format: ConvLSTMFormat | ConvLSTMFormatName,
  options: ConvLSTMInterchangeOptions = {},
): StateDict {
  const op = "exportConvLSTM";
  const plan = planOf(op, format, options);
  const layers = new Map<number, Record<string, Tensor>>();
  const unknown: string[] = [];
  for (const [name, tensor] of Object.entries(stateDict)) {
    const [, number = "", role] = ourName.exec(name) ?? [];
    if (role !== undefined) layers.set(Number(number), { ...layers.get(Number(number)), [role]: tensor });
    else if (name.startsWith("cells.") || !plan.ignoresOthers) unknown.push(name);
  }
  if (unknown.length > 0) {
    const isOutside = unknown.every((name) => !name.startsWith("cells."));
    const remedy = isOutside ? '; leave out what is of no layer by others: "ignore"' : "";
    throw new StateDictError(op, `${plan.title} has no place for ${unknown.join(", ")}${remedy}`, { got: unknown });
  }
  const models = Array.from({ length: Math.max(1, layers.size) }, (_, layer) => {
    const { stateWeight, ...others } = layers.get(layer) ?? {};
    if (stateWeight !== undefined) return { stateWeight, ...others };
    const name = `cells.${layer}.stateWeight`;
    throw new StateDictError(
      op,
      `this is not the state dict of a ConvLSTM: there is no ${name} among ${Object.keys(stateDict).join(", ") || "no tensors"}`,
      { expected: name, got: Object.keys(stateDict) },
    );
  });
  if (models.length !== (plan.layers ?? models.length)) {
    throw new StateDictError(
      op,
      `names tell ${plan.layers} layers apart but the model has ${models.length}; put {layer} into prefix, or list a prefix for each layer`,
      { expected: plan.layers, got: models.length },
    );
  }
  const theirs: StateDict = {};
  for (const [layer, ours] of models.entries()) Object.assign(theirs, writeLayer(plan, layer, ours));
  return theirs;
}
