import { StateDictError } from "@squall/device";
import type { StateDict } from "../module/module.ts";
import type { ConvLSTMFormat, ConvLSTMInterchangeOptions } from "./format.ts";
import type { ConvLSTMFormatName } from "./formats.ts";
import { namesOf, type Plan, planOf } from "./plan.ts";
import { readLayer } from "./readLayer.ts";

/** As many layers as names tell of; at least one, whose absence is then told. */
function countLayers(plan: Plan, tensors: StateDict): number {
  if (plan.layers !== undefined) return plan.layers;
  let layers = 0;
  while (namesOf(plan.places(layers)).some((name) => Object.hasOwn(tensors, name))) layers++;
  return Math.max(1, layers);
}

/** The number of the layer that a name is of, if names count layers. */
function layerOf(plan: Plan, name: string): number | undefined {
  if (plan.layers !== undefined) return undefined;
  const numbers = (name.match(/\d+/g) ?? []).map(Number);
  return numbers.find((layer) => namesOf(plan.places(layer)).includes(name));
}

/** @throws StateDictError for what is of no layer, unless that is ignored, or of one beyond a gap */
function refuseOthers(plan: Plan, layers: number, names: readonly string[]): void {
  const beyond = names.filter((name) => layerOf(plan, name) !== undefined);
  if (beyond.length > 0) {
    throw new StateDictError(
      plan.op,
      `${beyond.join(", ")} are of layers beyond the ${layers} found: there is no layer ${layers}; names count layers from 0 without a gap, or say with prefix how each layer's begin`,
      { expected: layers, got: beyond },
    );
  }
  if (names.length > 0 && !plan.ignoresOthers) {
    throw new StateDictError(
      plan.op,
      `${names.join(", ")} belong to none of the ${layers} layers found; leave them out by others: "ignore", or say with prefix and names what tensors are named`,
      { got: names },
    );
  }
}

/**
 * A state dict for {@link ConvLSTM} from the weights of another program.
 *
 * ```ts
 * const { tensors } = await loadSafetensors("keras.safetensors");
 * model.loadStateDict(importConvLSTM(tensors, "keras"));
 * ```
 *
 * What comes out computes the same: a convolution over cat(x, h) is the sum of two, biases are added up into one, and what a program adds to
 * the forget gate is added to its bias. Strides, padding and dilation are no weights: give the layer those of the program. The default
 * padding of ours, `same`, is that of Flax, Haiku, BrainPy and of Keras where it is told so; PyTorch's `k // 2` is the same for odd kernels.
 *
 * It is made of differentiable operations: gradients flow back through it to tensors that require them. A tensor that needs no change may
 * come out as it went in, not copied.
 * @param tensors - the weights, by the names that they have there; nothing else, unless `others` are ignored
 * @param format - the name of one of {@link convLSTMFormats}, or one's own
 * @returns `cells.L.inputWeight` `[4H, C, …k]` (unless C is 0), `cells.L.stateWeight` `[4H, H, …k]`, `cells.L.bias` `[4H]` and `cells.L.peephole`
 * `[3, H, …]`, gates i, f, o, g, where there are any, for each layer L
 * @throws StateDictError if a weight is missing, a peephole is missing beside others, or a name belongs to no layer or to one beyond a gap; ShapeError if a shape is
 * not that of the format; ArgumentError if the format or an option contradicts itself or
 * is not known
 */
export function importConvLSTM(
  tensors: StateDict,
  format: ConvLSTMFormat | ConvLSTMFormatName,
  options: ConvLSTMInterchangeOptions = {},
): StateDict {
  const op = "importConvLSTM";
  const plan = planOf(op, format, options);
  const layers = countLayers(plan, tensors);
  const ours: StateDict = {};
  const unknown = new Set(Object.keys(tensors));
  for (let layer = 0; layer < layers; layer++) {
    for (const [name, tensor] of Object.entries(readLayer(plan, layer, tensors)))
      ours[`cells.${layer}.${name}`] = tensor;
    for (const name of namesOf(plan.places(layer))) unknown.delete(name);
  }
  refuseOthers(plan, layers, [...unknown]);
  return ours;
}
