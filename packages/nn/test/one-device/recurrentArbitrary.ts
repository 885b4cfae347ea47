import type { RecurrentCell, RecurrentCellOptions, RecurrentLayer, RecurrentState, SpatialDims } from "@squall/nn";
import { conv1d, conv2d, conv3d, Generator, noGrad, randn, stack, type Tensor } from "@squall/tensor";
import fc from "fast-check";

/** Options of a recurrent layer that work together, and the sizes of an input for it. */
export interface Case {
  readonly options: Omit<RecurrentCellOptions, "hiddenChannels" | "recurrentActivation"> & {
    readonly hiddenChannels: readonly number[];
    readonly imageSize: readonly number[];
    readonly batchFirst: boolean;
    readonly returnAllLayers: boolean;
    readonly generator: Generator;
  };
  readonly steps: number;
  readonly batch: number;
}

// Smooth, as finite differences need it.
const gentle = (x: Tensor): Tensor => x.mul(0.5).tanh();

/** Small cases over all options that a cell has: dimensions, layers, kernels (odd, even, rectangular), convolutions, norms, noise. */
export const cases: fc.Arbitrary<Case> = fc.constantFrom<SpatialDims>(1, 2, 2, 3).chain((dims) => {
  const perAxis = (max: number): fc.Arbitrary<number[]> =>
    fc.array(fc.integer({ min: 1, max }), { minLength: dims, maxLength: dims });
  const rarely = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> => fc.constantFrom(usual, usual, ...others);
  return fc
    .record({
      hiddenChannels: fc.array(fc.constantFrom(2, 2, 4), { minLength: 1, maxLength: 2 }),
      kernelSize: perAxis(dims === 3 ? 2 : 4),
      stateKernelSize: perAxis(dims === 3 ? 2 : 3),
      stride: rarely(1, 2),
      isSame: fc.boolean(),
      dilation: rarely(1, 2),
      groups: rarely(1, 2),
      stateDilation: rarely(1, 2),
      stateGroups: rarely(1, 2),
      bias: fc.boolean(),
      activation: fc.constantFrom("tanh" as const, gentle),
      norm: fc.constantFrom("none" as const, "none" as const, "group" as const, "layer" as const),
      normGroups: fc.constantFrom(1, 2),
      imageSize: perAxis(dims === 3 ? 2 : 4),
      inputDropout: rarely(0, 0.3),
      recurrentDropout: fc.constantFrom(0, 0.4),
      dropoutMasks: fc.constantFrom("gate" as const, "shared" as const),
      zoneout: rarely<number | { h: number }>(0, 0.2, { h: 0.4 }),
      learnedInitialState: fc.boolean(),
      batchFirst: fc.boolean(),
      returnAllLayers: fc.boolean(),
      inputs: fc.integer({ min: 1, max: 2 }),
      seed: fc.integer(),
      steps: fc.integer({ min: 1, max: 3 }),
      batch: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ inputs, isSame, seed, steps, batch, normGroups, ...options }): Case => {
      const { kernelSize, dilation, groups, norm } = options;
      const padding = isSame ? "same" : kernelSize.map((k) => Math.ceil(((k - 1) * dilation) / 2));
      return {
        options: {
          ...options,
          spatialDims: dims,
          inputChannels: inputs * groups,
          padding,
          normGroups: norm === "group" ? normGroups : 1,
          dtype: "float64",
          generator: new Generator(seed),
        },
        steps,
        batch,
      };
    });
});

/** Options of a layer without those that its cells do not have. */
export function forCell({
  batchFirst: _batchFirst,
  returnAllLayers: _returnAllLayers,
  ...options
}: Case["options"]): Omit<Case["options"], "batchFirst" | "returnAllLayers"> {
  return options;
}

/** Gives every parameter random values, biases and factors of norms too. */
export function randomise(parameters: readonly Tensor[], generator: Generator): void {
  noGrad(() => {
    for (const parameter of parameters) {
      parameter.copy_(randn(parameter.shape, { dtype: parameter.dtype, generator }).mul(0.5));
    }
  });
}

/** A float64 leaf with random values. */
export function leaf(shape: readonly number[], generator: Generator): Tensor {
  return randn(shape, { dtype: "float64", requiresGrad: true, generator });
}

/** An input for a layer. */
export function inputOf({ options, steps, batch }: Case): Tensor {
  const outer = options.batchFirst ? [batch, steps] : [steps, batch];
  return leaf([...outer, options.inputChannels, ...options.imageSize], options.generator);
}

/** What a layer makes of an input, with the noise of one place in its generator's stream. */
export function layerOutputs<State extends RecurrentState, Cell extends RecurrentCell<State>>(
  model: RecurrentLayer<State, Cell>,
  x: Tensor,
  { generator }: Case["options"],
): () => Tensor[] {
  const place = generator.getState();
  return () => {
    generator.setState(place);
    const [layers, states] = model.forward(x);
    return [...layers, ...states.map(({ h }) => h)];
  };
}

/** The same from a loop of its cells over frames. */
export function loopOutputs<State extends RecurrentState, Cell extends RecurrentCell<State>>(
  model: RecurrentLayer<State, Cell>,
  x: Tensor,
  { options, batch }: Case,
): () => Tensor[] {
  const place = options.generator.getState();
  return () => {
    options.generator.setState(place);
    const time = model.batchFirst ? 1 : 0;
    let image = options.imageSize;
    const plans = [...model.cells].map((cell) => {
      const states = cell.sizeOfStates("loop", image);
      const masks = cell.drawMasks(batch, image, states);
      image = states;
      return { cell, masks, before: cell.initialState(batch, states) };
    });
    let frames = x.unbind(time);
    const layers: Tensor[] = [];
    const last: Tensor[] = [];
    for (const { cell, masks, before } of plans) {
      let state = before;
      frames = frames.map((frame) => {
        state = cell.sequence(frame.unsqueeze(0), 1, state, masks).state;
        return state.h;
      });
      layers.push(stack(frames, time));
      last.push(state.h);
    }
    const first = model.returnAllLayers ? 0 : layers.length - 1;
    return [...layers.slice(first), ...last.slice(first)];
  };
}

/** The parts of a cell's equation for one gate, each a convolution of its own. */
export interface GateParts {
  /** `Wx[k] ∗ (mask[k] ∘ x)` */
  readonly ofInput: (k: number) => Tensor;
  /** `Wh[k] ∗ (mask′[k] ∘ h)` */
  readonly ofState: (k: number, h: Tensor) => Tensor;
  /** Normalizes by the factors of block `k`. */
  readonly norm: (k: number, sum: Tensor) => Tensor;
  /** Adds some H biases to a pre-activation. */
  readonly plusBias: (sum: Tensor, biases: Tensor | undefined) => Tensor;
  /** Biases of gate `k`. */
  readonly bias: (k: number) => Tensor | undefined;
}

const convolutions = { 1: conv1d, 2: conv2d, 3: conv3d } as const;

/** The words that equations are written in, gate by gate. @param x - `[N, C, …]` */
export function gateParts<State extends RecurrentState>(
  cell: RecurrentCell<State>,
  x: Tensor,
  masks: ReturnType<RecurrentCell<State>["drawMasks"]>,
): GateParts {
  const { hiddenChannels: size, spatialDims, inputWeight, stateWeight, normWeight, bias } = cell;
  const rows = (all: Tensor, k: number): Tensor => all.narrow(0, k * size, size);
  const masked = (tensor: Tensor, list: readonly Tensor[] | undefined, k: number): Tensor =>
    list === undefined ? tensor : tensor.mul(list[k] ?? list[0]);
  const conv = convolutions[spatialDims];
  if (inputWeight === undefined) throw new Error("the cell has no input");
  return {
    ofInput: (k) => conv(masked(x, masks.input, k), rows(inputWeight, k), undefined, cell.inputConv),
    ofState: (k, h) => conv(masked(h, masks.state, k), rows(stateWeight, k), undefined, cell.stateConv),
    norm: (k, sum) => {
      if (normWeight === undefined) return sum;
      const [batch, channels, ...spatial] = sum.shape;
      const together = sum.reshape([
        batch,
        cell.normGroups,
        (channels / cell.normGroups) * spatial.reduce((a, b) => a * b),
      ]);
      const mean = together.mean([2], true);
      const variance = together.sub(mean).square().mean([2], true);
      const factors = rows(normWeight, k);
      const perChannel = cell.norm === "layer" ? factors : factors.reshape([channels, ...spatial.map(() => 1)]);
      return together.sub(mean).div(variance.add(1e-5).sqrt()).reshape(sum.shape).mul(perChannel);
    },
    plusBias: (sum, biases) =>
      biases === undefined ? sum : sum.add(biases.reshape([size, ...sum.shape.slice(2).map(() => 1)])),
    bias: (k) => bias && rows(bias, k),
  };
}
