import { formatShape, ShapeError, StateDictError, sameShape } from "@squall/device";
import { cat, stack, type Tensor, zeros } from "@squall/tensor";
import type { StateDict } from "../module/module.ts";
import { allGates, peepholeGates } from "./gate.ts";
import { dense, forgetOnly, reordered, weightToTorch } from "./layout.ts";
import type { LayerPlaces, Place, Plan } from "./plan.ts";

/** Tensors of theirs with their names. */
type Named = readonly (readonly [name: string, tensor: Tensor])[];

function found(place: Place, tensors: StateDict): Named {
  return place.names.flatMap((name) => {
    const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
    return tensor === undefined ? [] : [[name, tensor] as const];
  });
}

/** Reads the tensors of one layer of theirs, one kind after the other. */
class LayerReader {
  private readonly plan: Plan;
  private readonly tensors: StateDict;
  /** H, as the state-to-state weight has it. */
  private hidden = 0;
  /** Spatial axes. */
  private dims = 0;
  private groups = 1;

  constructor(plan: Plan, tensors: StateDict) {
    this.plan = plan;
    this.tensors = tensors;
  }

  private check(fits: boolean, [name, tensor]: Named[number], expected: string): void {
    if (fits) return;
    const size = this.hidden === 0 ? "" : ` with H = ${this.hidden}`;
    throw new ShapeError(
      this.plan.op,
      `${name} should be ${expected}${size}, got ${formatShape(tensor.shape)}; another layout or set of names may fit`,
      { expected, got: tensor.shape },
    );
  }

  /** Gates of one kind have one shape. */
  private checkAlike(tensors: Named): void {
    for (const each of tensors) {
      const [name, first] = tensors[0] ?? each;
      this.check(sameShape(each[1].shape, first.shape), each, `${formatShape(first.shape)} as ${name} is`);
    }
  }

  /** A weight of ours, `[4H, in, …k]`. @param columns - what to call its axis `in` */
  private weight(place: Place, columns: "C" | "H" | "C+H"): Tensor {
    const { layout, grouped, order } = this.plan;
    const rows = place.perGate ? "H" : "4H";
    const inputs = grouped ? `${columns}/groups` : columns;
    const expected = layout === "torch" ? `[${rows},${inputs},…k]` : `[…k,${inputs},${rows}]`;
    const theirs = found(place, this.tensors);
    const parts = theirs.map((each) => {
      this.check(each[1].rank >= 3 && each[1].rank <= 5, each, expected);
      return [each, weightToTorch(each[1], layout)] as const;
    });
    this.checkAlike(theirs);
    for (const [each, part] of parts) {
      const [out = 0, into = 0] = part.shape;
      const hidden = place.perGate ? out : out / 4;
      if (columns === "C") {
        this.check(hidden === this.hidden && part.rank === this.dims + 2, each, expected);
      } else {
        const groups = grouped ? hidden / into : 1;
        this.check(Number.isInteger(hidden) && hidden > 0 && Number.isInteger(groups), each, expected);
        this.check(columns === "C+H" ? into >= hidden : into * groups === hidden, each, expected);
        this.hidden = hidden;
        this.dims = part.rank - 2;
        this.groups = groups;
      }
    }
    const wide = parts.map(([, part]) => dense(part, this.groups));
    return place.perGate ? cat(wide, 0) : reordered(cat(wide, 0), order, allGates);
  }

  /** The weights of ours; `inputWeight` is left out if it has no channel. */
  weights({ weight, inputWeight, stateWeight }: LayerPlaces): { inputWeight?: Tensor; stateWeight?: Tensor } {
    if (weight !== undefined) {
      const both = this.weight(weight, "C+H");
      const channels = (both.shape[1] ?? 0) - this.hidden;
      return {
        ...(channels > 0 && { inputWeight: both.narrow(1, 0, channels) }),
        stateWeight: both.narrow(1, channels, this.hidden),
      };
    }
    const ofState = stateWeight && this.weight(stateWeight, "H");
    const ofInput = inputWeight && this.weight(inputWeight, "C");
    return {
      ...(ofInput !== undefined && ofInput.size > 0 && { inputWeight: ofInput }),
      ...(ofState !== undefined && { stateWeight: ofState }),
    };
  }

  /** One bias of ours, `[4H]`, with zeros for gates that have none; `undefined` if no gate has one. */
  bias(place: Place | undefined, like: Tensor): Tensor | undefined {
    const theirs = place === undefined ? [] : found(place, this.tensors);
    if (place === undefined || theirs.length === 0) return undefined;
    const rows = place.perGate ? this.hidden : 4 * this.hidden;
    const shape = [...Array.from({ length: this.plan.spatialBias ? this.dims : 0 }, () => 1), rows];
    const parts = new Map(
      theirs.map((each) => {
        this.check(sameShape(each[1].shape, shape), each, formatShape(shape));
        return [each[0], this.plan.spatialBias ? each[1].reshape([rows]) : each[1]] as const;
      }),
    );
    const all = place.names.map((name) => parts.get(name) ?? zeros([rows], like));
    return place.perGate ? cat(all, 0) : reordered(cat(all, 0), this.plan.order, allGates);
  }

  /** What the gates read besides convolutions: the sum of all biases and of what the program adds. */
  totalBias({ bias, stateBias }: LayerPlaces, like: Tensor): Tensor | undefined {
    const { forgetOffset } = this.plan;
    const terms = [this.bias(bias, like), this.bias(stateBias, like)];
    if (forgetOffset !== 0) terms.push(forgetOnly(like, this.hidden, forgetOffset));
    return terms.reduce((sum, term) => (sum === undefined || term === undefined ? (sum ?? term) : sum.add(term)));
  }

  /** Peephole weights of ours, `[3, H, …]`, if there are any. */
  peephole(layer: number, place: Place | undefined): Tensor | undefined {
    const theirs = place === undefined ? [] : found(place, this.tensors);
    if (place === undefined || theirs.length === 0) return undefined;
    const { op, layout, order } = this.plan;
    if (theirs.length < place.names.length) {
      const has = theirs.map(([name]) => name);
      const lacks = place.names.filter((name) => !has.includes(name));
      throw new StateDictError(
        op,
        `layer ${layer} has ${has.join(", ")} but lacks ${lacks.join(", ")}; all peepholes or none are needed`,
        { expected: place.names, got: has },
      );
    }
    const axes = layout === "torch" ? "H,…" : "…,H";
    const expected = place.perGate ? `[${axes}]` : `[3,${axes}]`;
    const parts = theirs.map((each) => {
      const [, tensor] = each;
      const isWhole = !place.perGate || tensor.rank === this.dims + 2;
      const rest = isWhole ? tensor.shape.slice(1) : tensor.shape;
      const fits = rest.length === this.dims + 1 && rest.at(layout === "torch" ? 0 : -1) === this.hidden;
      this.check(fits && (!isWhole || tensor.shape[0] === (place.perGate ? 1 : 3)), each, expected);
      const lead = isWhole ? 1 : 0;
      const spatial = Array.from({ length: this.dims }, (_, k) => k + lead);
      const front = Array.from({ length: lead }, () => 0);
      const torch = layout === "torch" ? tensor : tensor.permute([...front, this.dims + lead, ...spatial]);
      return place.perGate && isWhole ? torch.reshape(torch.shape.slice(1)) : torch;
    });
    if (place.perGate) {
      this.checkAlike(theirs);
      return stack(parts, 0);
    }
    const ours = order.filter((gate) => peepholeGates.includes(gate));
    return reordered(cat(parts, 0), ours, peepholeGates);
  }
}

/**
 * Our tensors of one layer of theirs, by our names within a layer.
 * @throws StateDictError if a weight or a peephole is missing; ShapeError if one does not fit
 */
export function readLayer(plan: Plan, layer: number, tensors: StateDict): StateDict {
  const places = plan.places(layer);
  const { weight, inputWeight, stateWeight } = places;
  const needed = [weight, inputWeight, stateWeight].flatMap((place) => place?.names ?? []);
  const missing = needed.filter((name) => !Object.hasOwn(tensors, name));
  if (missing.length > 0) {
    throw new StateDictError(
      plan.op,
      `layer ${layer} lacks ${missing.join(", ")} among ${Object.keys(tensors).join(", ") || "no tensors"}; say with prefix and names what tensors are named`,
      { expected: missing, got: Object.keys(tensors) },
    );
  }
  const reader = new LayerReader(plan, tensors);
  const weights = reader.weights(places);
  const bias = weights.stateWeight && reader.totalBias(places, weights.stateWeight);
  const peephole = reader.peephole(layer, places.peephole);
  return { ...weights, ...(bias && { bias }), ...(peephole && { peephole }) };
}
