import { formatShape, type Shape, ShapeError, StateDictError, sameShape } from "@squall/device";
import { cat, type Tensor, zeros } from "@squall/tensor";
import type { StateDict } from "../module/module.ts";
import { allGates, peepholeGates } from "./gate.ts";
import { forgetOnly, reordered, weightFromTorch } from "./layout.ts";
import type { LayerPlaces, Place, Plan } from "./plan.ts";

/** Tensors of one layer of ours, as {@link ConvLSTM} has them. */
export interface OwnLayer {
  readonly inputWeight?: Tensor;
  readonly stateWeight: Tensor;
  readonly bias?: Tensor;
  readonly peephole?: Tensor;
}

/** The same, checked, and never without an input: one of no channels stands for none. */
interface Checked {
  /** `[4H, C, …k]` */
  readonly inputWeight: Tensor;
  /** `[4H, H, …k]` */
  readonly stateWeight: Tensor;
  /** `[4H]` */
  readonly bias: Tensor | undefined;
  /** `[3, H, …]` */
  readonly peephole: Tensor | undefined;
  /** H */
  readonly hidden: number;
}

/** @throws ShapeError unless the tensors of a layer are those of a ConvLSTM */
function checked(op: string, start: string, layer: OwnLayer): Checked {
  const { stateWeight, bias, peephole } = layer;
  const [rows = 0, hidden = 0, ...kernel] = stateWeight.shape;
  const check = (name: string, { shape }: Tensor, fits: boolean, expected: string): void => {
    if (fits) return;
    throw new ShapeError(op, `${start}${name} should be ${expected}, got ${formatShape(shape)}`, {
      expected,
      got: shape,
    });
  };
  const isState = kernel.length >= 1 && kernel.length <= 3 && hidden > 0 && rows === 4 * hidden;
  check("stateWeight", stateWeight, isState, "[4H,H,…k], of a convolution without groups");
  const withH = ` with H = ${hidden}`;
  const inputWeight = layer.inputWeight ?? zeros([rows, 0, ...kernel], stateWeight);
  const isInput = inputWeight.rank === stateWeight.rank && inputWeight.shape[0] === rows;
  check("inputWeight", inputWeight, isInput, `[4H,C,…k]${withH}`);
  if (bias !== undefined) check("bias", bias, sameShape(bias.shape, [rows]), `[4H]${withH}`);
  if (peephole !== undefined) {
    const [gates, channels] = peephole.shape;
    if (gates === 3 * hidden && channels === hidden && hidden > 1) {
      throw new StateDictError(
        op,
        `${start}peephole ${formatShape(peephole.shape)} is the convolution of the peephole "conv", for which no format has a place; train with the peephole "channel" or "full"`,
        { got: peephole.shape },
      );
    }
    const fits = peephole.rank === stateWeight.rank && gates === 3 && channels === hidden;
    check("peephole", peephole, fits, `[3,H,…]${withH}`);
  }
  return { inputWeight, stateWeight, bias, peephole, hidden };
}

/** Their tensors for one of ours, whose rows are those of `gates`. */
function split(place: Place, x: Tensor, gates: typeof allGates, order: typeof allGates): Tensor[] {
  return place.perGate ? x.chunk(gates.length, 0) : [reordered(x, gates, order)];
}

function writePeephole(plan: Plan, place: Place, x: Tensor): Tensor[] {
  const order = plan.order.filter((gate) => peepholeGates.includes(gate));
  return split(place, x, peepholeGates, order).map((part) => {
    // Each still has an axis in front: of gates, or of size 1.
    const spatial = Array.from({ length: x.rank - 2 }, (_, k) => k + 2);
    const laid = plan.layout === "torch" ? part : part.permute([0, ...spatial, 1]);
    return place.perGate && !plan.batchedPeephole ? laid.reshape(laid.shape.slice(1)) : laid;
  });
}

/** The biases that they need: the first takes all of ours, less what they add to the forget gate. */
function writeBiases(plan: Plan, places: LayerPlaces, { bias, stateWeight, hidden }: Checked): Map<Place, Tensor[]> {
  const { forgetOffset, order } = plan;
  const offset = forgetOffset === 0 ? undefined : forgetOnly(stateWeight, hidden, -forgetOffset);
  const total = offset === undefined ? bias : (bias?.add(offset) ?? offset);
  const written = new Map<Place, Tensor[]>();
  if (total === undefined || places.bias === undefined) return written;
  const ones = Array.from({ length: plan.spatialBias ? stateWeight.rank - 2 : 0 }, () => 1);
  const write = (place: Place, x: Tensor): void => {
    const parts = split(place, x, allGates, order);
    written.set(place, plan.spatialBias ? parts.map((part) => part.reshape([...ones, part.size])) : parts);
  };
  write(places.bias, total);
  if (plan.twoBiases && places.stateBias !== undefined) write(places.stateBias, zeros([4 * hidden], stateWeight));
  return written;
}

function kernelOf({ shape }: Tensor): Shape {
  return shape.slice(2);
}

/**
 * Their tensors of one layer of ours, by their names.
 * @throws StateDictError if the format has no place for one; ShapeError if one does not fit
 */
export function writeLayer(plan: Plan, number: number, layer: OwnLayer): StateDict {
  const { op, layout, order, title } = plan;
  const start = `cells.${number}.`;
  const ours = checked(op, start, layer);
  const { inputWeight, stateWeight, peephole } = ours;
  const places = plan.places(number);
  const homeless = (["bias", "peephole"] as const).filter(
    (name) => ours[name] !== undefined && places[name] === undefined,
  );
  if (homeless.length > 0) {
    const list = homeless.map((name) => `${start}${name}`);
    throw new StateDictError(
      op,
      `${title} has no place for ${list.join(", ")}; say with names what ${homeless.join(" and ")} should be named, or leave them out`,
      { got: list },
    );
  }
  if ((plan.oneKernel || places.weight !== undefined) && !sameShape(kernelOf(inputWeight), kernelOf(stateWeight))) {
    throw new ShapeError(
      op,
      `${title} has one kernel size for input and state, but ${start}inputWeight is ${formatShape(inputWeight.shape)} and ${start}stateWeight ${formatShape(stateWeight.shape)}; export to a format with two`,
      { expected: kernelOf(inputWeight), got: kernelOf(stateWeight) },
    );
  }
  const written = writeBiases(plan, places, ours);
  const writeWeight = (place: Place | undefined, x: Tensor): void => {
    const parts = place && split(place, x, allGates, order).map((part) => weightFromTorch(part, layout));
    if (place !== undefined && parts !== undefined) written.set(place, parts);
  };
  writeWeight(places.inputWeight, inputWeight);
  writeWeight(places.stateWeight, stateWeight);
  // Without channels of input there is nothing to put before the state's.
  const isAlone = inputWeight.size === 0;
  if (places.weight !== undefined)
    writeWeight(places.weight, isAlone ? stateWeight : cat([inputWeight, stateWeight], 1));
  if (peephole !== undefined && places.peephole !== undefined) {
    written.set(places.peephole, writePeephole(plan, places.peephole, peephole));
  }
  // In the order of the names of a format, however they were made.
  return Object.fromEntries(
    Object.values(places).flatMap((place) =>
      place.names.flatMap((name, k) => {
        const part = written.get(place)?.[k];
        return part === undefined ? [] : [[name, part] as const];
      }),
    ),
  );
}
