// The steps of other programs, written down from their own sources with their own weights, against the imported cell. One device: the CPU.
import {
  ConvLSTMCell,
  type ConvLSTMFormat,
  type ConvLSTMFormatName,
  type ConvLSTMInterchangeOptions,
  type GateOrder,
  importConvLSTM,
  type SpatialDims,
  type StateDict,
} from "@squall/nn";
import { cat, conv1d, conv2d, conv3d, type Tensor, zeros } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactLeaves, gateOrders, sizes } from "./interchangeArbitrary.ts";

const convolutions = { 1: conv1d, 2: conv2d, 3: conv3d } as const;

/** What a step is drawn from. */
interface Step {
  readonly dims: SpatialDims;
  readonly channels: number;
  readonly hidden: number;
  readonly kernel: readonly number[];
  readonly image: readonly number[];
  readonly order: GateOrder;
  /** Bits that say which of the things that may be missing are there. */
  readonly present: readonly boolean[];
  readonly leaf: (...shape: number[]) => Tensor;
}

const steps: fc.Arbitrary<Step> = fc.constantFrom<SpatialDims>(1, 2, 3).chain((dims) =>
  fc.record({
    dims: fc.constant(dims),
    channels: fc.integer({ min: 1, max: 3 }),
    hidden: fc.integer({ min: 1, max: 3 }),
    kernel: sizes(dims),
    image: sizes(dims),
    order: fc.constantFrom(...gateOrders),
    present: fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
    leaf: fc.integer().map(exactLeaves),
  }),
);

/** The state of a step, or what one gate reads. */
type Named = Record<string, Tensor>;

function pick(named: Named, name: string): Tensor {
  const tensor = named[name];
  if (tensor === undefined) throw new Error(`there is no ${name}`);
  return tensor;
}

/** The shape of images `[2, channels, …]`. */
function images({ image, leaf }: Step, channels: number): Tensor {
  return leaf(2, channels, ...image);
}

/** A convolution of PyTorch that keeps the size. */
function torchConv({ dims }: Step, x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return convolutions[dims](x, weight, bias, { padding: "same" });
}

/** Blocks of an axis by letters. */
function blocks(x: Tensor, letters: string, axis: number): Named {
  return Object.fromEntries(x.chunk(letters.length, axis).map((block, k) => [letters[k] ?? "", block]));
}

/** The states after the step, from what gates read, `[N, H, …]` each. */
function nextState(gates: Named, c: Tensor, peep: (gate: "i" | "f" | "o", cell: Tensor) => Tensor | number): Named {
  const i = pick(gates, "i").add(peep("i", c)).sigmoid();
  const f = pick(gates, "f").add(peep("f", c)).sigmoid();
  const cell = f.mul(c).add(i.mul(pick(gates, "g").tanh()));
  const o = pick(gates, "o").add(peep("o", cell)).sigmoid();
  return { h: o.mul(cell.tanh()), c: cell };
}

function expectSame(ours: Named, theirs: Named): void {
  for (const name of ["h", "c"]) {
    const [a, b] = [pick(ours, name), pick(theirs, name)];
    expect(a.shape).toEqual(b.shape);
    expect(a.sub(b).abs().max().itemSync()).toBeLessThan(1e-12);
  }
}

/** The step of our cell with imported weights. */
function ourStep(
  step: Step,
  theirs: StateDict,
  format: ConvLSTMFormat | ConvLSTMFormatName,
  state: { x: Tensor; h: Tensor; c: Tensor },
  options?: ConvLSTMInterchangeOptions,
): Named {
  const ours = importConvLSTM(theirs, format, options);
  const own = Object.fromEntries(Object.entries(ours).map(([name, value]) => [name.replace("cells.0.", ""), value]));
  const size = own.peephole?.shape.slice(2);
  const cell = new ConvLSTMCell({
    inputChannels: step.channels,
    hiddenChannels: step.hidden,
    kernelSize: step.kernel,
    spatialDims: step.dims,
    bias: own.bias !== undefined,
    peephole: size === undefined ? "none" : size.every((n) => n === 1) ? "channel" : "full",
    ...(size !== undefined && { imageSize: size }),
    dtype: "float64",
  });
  cell.loadStateDict(own);
  return { ...cell.forward(state.x, state) };
}

function torchState(step: Step): { x: Tensor; h: Tensor; c: Tensor } {
  return { x: images(step, step.channels), h: images(step, step.hidden), c: images(step, step.hidden) };
}

describe("weights of PyTorch programs", () => {
  it("in the fused form are one convolution over cat(x, h)", () => {
    const property = fc.property(steps, (step) => {
      const { hidden, channels, kernel, leaf, order, present, image } = step;
      const [hasBias, hasPeephole, isFull, isBatched] = present;
      const theirs: Named = { weight: leaf(4 * hidden, channels + hidden, ...kernel) };
      if (hasBias) theirs.bias = leaf(4 * hidden);
      const places = [...(isBatched ? [1] : []), hidden, ...(isFull ? image : image.map(() => 1))];
      for (const gate of hasPeephole ? "ifo" : "") theirs[`Wc${gate}`] = leaf(...places);
      const { x, h, c } = torchState(step);
      const read = torchConv(step, cat([x, h], 1), pick(theirs, "weight"), theirs.bias);
      const expected = nextState(blocks(read, order, 1), c, (gate, cell) => theirs[`Wc${gate}`]?.mul(cell) ?? 0);
      const names = { weight: "weight", bias: "bias", peephole: "Wc{gate}" };
      expectSame(ourStep(step, theirs, "fused", { x, h, c }, { names, gateOrder: order }), expected);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it("in two convolutions are the sum of both, with either bias or both", () => {
    const property = fc.property(steps, (step) => {
      const { hidden, channels, kernel, leaf, order, present } = step;
      const theirs: Named = {
        "cell_list.0.conv_x.0.weight": leaf(4 * hidden, channels, ...kernel),
        "cell_list.0.conv_h.0.weight": leaf(4 * hidden, hidden, ...kernel),
      };
      const [xBias, hBias] = ["cell_list.0.conv_x.0.bias", "cell_list.0.conv_h.0.bias"];
      if (present[0]) theirs[xBias] = leaf(4 * hidden);
      if (present[1]) theirs[hBias] = leaf(4 * hidden);
      const { x, h, c } = torchState(step);
      const ofX = torchConv(step, x, pick(theirs, "cell_list.0.conv_x.0.weight"), theirs[xBias]);
      const ofH = torchConv(step, h, pick(theirs, "cell_list.0.conv_h.0.weight"), theirs[hBias]);
      const gateOrder = present[2] ? order : "ifgo";
      const expected = nextState(blocks(ofX.add(ofH), gateOrder, 1), c, () => 0);
      expectSame(ourStep(step, theirs, "separate", { x, h, c }, present[2] ? { gateOrder } : {}), expected);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it("in eight convolutions are those, with whatever biases there are", () => {
    const property = fc.property(steps, (step) => {
      const { hidden, channels, kernel, leaf, image, present } = step;
      const theirs: Named = {};
      for (const [k, gate] of [..."ifco"].entries()) {
        theirs[`cell0.Wx${gate}.weight`] = leaf(hidden, channels, ...kernel);
        theirs[`cell0.Wh${gate}.weight`] = leaf(hidden, hidden, ...kernel);
        if (present[k]) theirs[`cell0.Wx${gate}.bias`] = leaf(hidden);
        if (present[4 + k]) theirs[`cell0.Wh${gate}.bias`] = leaf(hidden);
      }
      for (const gate of present[8] ? "ifo" : "") theirs[`cell0.Wc${gate}`] = leaf(1, hidden, ...image);
      const { x, h, c } = torchState(step);
      const read = (gate: string): Tensor => {
        const ofX = torchConv(step, x, pick(theirs, `cell0.Wx${gate}.weight`), theirs[`cell0.Wx${gate}.bias`]);
        return ofX.add(torchConv(step, h, pick(theirs, `cell0.Wh${gate}.weight`), theirs[`cell0.Wh${gate}.bias`]));
      };
      const gates = { i: read("i"), f: read("f"), o: read("o"), g: read("c") };
      const expected = nextState(gates, c, (gate, cell) => theirs[`cell0.Wc${gate}`]?.mul(cell) ?? 0);
      expectSame(ourStep(step, theirs, "perGate", { x, h, c }), expected);
    });
    fc.assert(property, { numRuns: 50 });
  });
});

/** Every place in a kernel. */
function taps(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (places, size) => places.flatMap((place) => Array.from({ length: size }, (_, at) => [...place, at])),
    [[]],
  );
}

/** A convolution with channels last that keeps the size, by its definition: `[N, …, C]` with `[…k, C / groups, O]` to `[N, …, O]`. */
function channelsLastConv(x: Tensor, kernel: Tensor, groups = 1): Tensor {
  const spatial = x.shape.slice(1, -1);
  const sizes = kernel.shape.slice(0, -2);
  const padded = x.pad([...sizes.map((k) => [(k - 1) >> 1, k >> 1] as const), [0, 0]]);
  const products = taps(sizes).map((tap) => {
    const window = tap.reduce((part, at, axis) => part.narrow(axis + 1, at, spatial[axis] ?? 0), padded);
    const weight = tap.reduce((part, at) => part.select(0, at), kernel);
    const inputs = window.reshape([-1, x.shape.at(-1) ?? 0]).chunk(groups, 1);
    const outputs = weight.chunk(groups, 1);
    return cat(
      inputs.map((input, group) => input.matmul(outputs[group] ?? zeros([0]))),
      1,
    );
  });
  const sum = products.reduce((total, product) => total.add(product));
  return sum.reshape([x.shape[0] ?? 0, ...spatial, kernel.shape.at(-1) ?? 0]);
}

function channelsLast(x: Tensor): Tensor {
  const spatial = Array.from({ length: x.rank - 2 }, (_, k) => k + 2);
  return x.permute([0, ...spatial, 1]);
}

function channelsFirst(x: Tensor): Tensor {
  const spatial = Array.from({ length: x.rank - 2 }, (_, k) => k + 1);
  return x.permute([0, x.rank - 1, ...spatial]);
}

describe("weights of programs with channels last", () => {
  it("are those of Keras: a kernel for input and state, gates i, f, c, o, one bias", () => {
    const property = fc.property(steps, (step) => {
      const { hidden, channels, kernel, leaf, present } = step;
      const theirs: Named = {
        kernel: leaf(...kernel, channels, 4 * hidden),
        recurrent_kernel: leaf(...kernel, hidden, 4 * hidden),
      };
      if (present[0]) theirs.bias = leaf(4 * hidden);
      const state = torchState(step);
      const [x, h, c] = [state.x, state.h, state.c].map(channelsLast);
      if (x === undefined || h === undefined || c === undefined) throw new Error("three tensors");
      const ofInput = blocks(pick(theirs, "kernel"), "ifco", -1);
      const ofState = blocks(pick(theirs, "recurrent_kernel"), "ifco", -1);
      const bias = blocks(theirs.bias ?? zeros([4 * hidden], x), "ifco", 0);
      const read = (gate: string): Tensor =>
        channelsLastConv(x, pick(ofInput, gate))
          .add(pick(bias, gate))
          .add(channelsLastConv(h, pick(ofState, gate)));
      const cell = read("f")
        .sigmoid()
        .mul(c)
        .add(read("i").sigmoid().mul(read("c").tanh()));
      const expected = { h: read("o").sigmoid().mul(cell.tanh()), c: cell };
      const ours = ourStep(step, theirs, "keras", state);
      expectSame({ h: channelsLast(pick(ours, "h")), c: channelsLast(pick(ours, "c")) }, expected);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it.each([
    { format: "flax", of: ["ih", "hh"], weight: "kernel", bias: "bias", spatialBias: false, grouped: false },
    {
      format: "haiku",
      of: ["input_to_hidden", "hidden_to_hidden"],
      weight: "w",
      bias: "b",
      spatialBias: false,
      grouped: false,
    },
    {
      format: "brainpy",
      of: ["input_to_hidden", "hidden_to_hidden"],
      weight: "w",
      bias: "b",
      spatialBias: true,
      grouped: true,
    },
  ] as const)("are those of $format: gates i, g, f, o, two biases, 1 more for the forget gate", (program) => {
    const [input, hiddenConv] = program.of;
    const property = fc.property(steps, fc.integer({ min: 1, max: 3 }), (drawn, factor) => {
      // Groups divide the channels of input and states, and so the outputs.
      const groups = program.grouped ? factor : 1;
      const step = { ...drawn, channels: drawn.channels * groups, hidden: drawn.hidden * groups };
      const { hidden, channels, kernel, leaf, present } = step;
      const theirs: Named = {
        [`${input}.${program.weight}`]: leaf(...kernel, channels / groups, 4 * hidden),
        [`${hiddenConv}.${program.weight}`]: leaf(...kernel, hidden / groups, 4 * hidden),
      };
      const ones = program.spatialBias ? kernel.map(() => 1) : [];
      for (const conv of present[0] ? program.of : []) theirs[`${conv}.${program.bias}`] = leaf(...ones, 4 * hidden);
      const state = torchState(step);
      const conv = (name: string, x: Tensor): Tensor => {
        const y = channelsLastConv(channelsLast(x), pick(theirs, `${name}.${program.weight}`), groups);
        return y.add(theirs[`${name}.${program.bias}`] ?? 0);
      };
      const gates = blocks(conv(input, state.x).add(conv(hiddenConv, state.h)), "igfo", -1);
      const f = pick(gates, "f").add(1).sigmoid();
      const c = f.mul(channelsLast(state.c)).add(pick(gates, "i").sigmoid().mul(pick(gates, "g").tanh()));
      const h = pick(gates, "o").sigmoid().mul(c.tanh());
      expectSame(ourStep(step, theirs, program.format, state), { h: channelsFirst(h), c: channelsFirst(c) });
    });
    fc.assert(property, { numRuns: 50 });
  });
});
