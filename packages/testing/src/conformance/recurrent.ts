import { cpu } from "@squall/cpu";
import type { Device, DType } from "@squall/device";
import { ConvGRU, ConvLSTM, type ConvLSTMOptions, ConvRNN, type Module, type SequenceOptions } from "@squall/nn";
import { Generator, grad, noGrad, randn, type Tensor } from "@squall/tensor";
import { type ConformanceCase, expectClose, perDType, type Tolerance } from "./case.ts";

/** What all layers have in common. */
type Common = Pick<
  ConvLSTMOptions,
  "inputChannels" | "hiddenChannels" | "kernelSize" | "returnAllLayers" | "dtype" | "generator"
>;

/** Layers of any kind. */
interface Layers extends Module {
  forward(x: Tensor, states: undefined, options: SequenceOptions): [outputs: Tensor[], states: object[]];
}

/** Layers, and which frames count. */
interface Problem {
  readonly name: string;
  readonly make: (common: Common) => Layers;
  readonly sequence?: SequenceOptions;
}

function convLSTM(options: Partial<ConvLSTMOptions>): Problem["make"] {
  return (common) => new ConvLSTM({ ...common, ...options });
}

/** Together they reach every way through the layers; kernels have conformance cases of their own. */
const problems: readonly Problem[] = [
  {
    name: "ConvLSTM of the paper",
    make: convLSTM({ peephole: "channel", hiddenChannels: [2, 3], kernelSize: [3, 2] }),
  },
  {
    name: "ConvLSTM without bias, with peepholes per position",
    make: convLSTM({ peephole: "full", imageSize: [5, 4], bias: false }),
  },
  {
    name: "ConvLSTM with a strided, dilated, grouped input",
    make: convLSTM({
      stride: [2, 1],
      dilation: 2,
      padding: 3,
      groups: 2,
      stateGroups: 2,
      learnedInitialState: true,
    }),
  },
  {
    name: "ConvLSTM with norms, hard gates and peepholes by convolution",
    make: convLSTM({
      norm: "group",
      normGroups: 2,
      recurrentActivation: "hardSigmoid",
      activation: "relu",
      peephole: "conv",
    }),
  },
  {
    name: "ConvLSTM with dropout and zoneout, in checkpoints",
    make: convLSTM({
      hiddenChannels: [2, 2],
      inputDropout: 0.3,
      recurrentDropout: 0.3,
      layerDropout: 0.3,
      zoneout: 0.3,
      checkpoint: true,
    }),
  },
  {
    name: "ConvLSTM backwards over samples of different lengths",
    make: convLSTM({ goBackwards: true, keepOrder: true }),
    sequence: { lengths: [3, 1] },
  },
  { name: "ConvGRU", make: (common) => new ConvGRU({ ...common, stride: 2, norm: "group" }) },
  { name: "ConvRNN", make: (common) => new ConvRNN({ ...common, hiddenChannels: 3, padding: "valid" }) },
];

/** Outputs, and gradients of everything. */
function results({ make, sequence }: Problem, device: Device, dtype: DType): readonly Tensor[] {
  const generator = new Generator(5);
  const numbers = (shape: readonly number[]): Tensor =>
    // The same numbers in either dtype.
    randn(shape, { dtype: "float32", generator }).to(dtype).to(device);
  const model = make({
    inputChannels: 2,
    hiddenChannels: 2,
    kernelSize: 3,
    returnAllLayers: true,
    dtype,
    generator: new Generator(6),
  });
  model.to(device);
  noGrad(() => {
    for (const parameter of model.parameters()) parameter.copy_(numbers(parameter.shape).mul(0.4));
  });
  const x = numbers([3, 2, 2, 5, 4]).requiresGrad_(true);
  const [hidden, states] = model.forward(x, undefined, sequence ?? {});
  const outputs = [...hidden, ...states.flatMap((state) => Object.values<Tensor>({ ...state }))];
  const gradOutputs = outputs.map(({ shape }) => numbers(shape));
  return [...outputs, ...grad(outputs, [x, ...model.parameters()], { gradOutputs })];
}

/** Recurrent layers with options of all kinds, forward and backward, against the cpu in float64. */
export function recurrentCases(
  device: Device,
  tolerances: Readonly<Record<"float32" | "float64", Tolerance>>,
): ConformanceCase[] {
  return problems.flatMap((problem) =>
    perDType(device, problem.name, async (dtype, what) => {
      const [ours, theirs] = [results(problem, device, dtype), results(problem, cpu, "float64")];
      // Gradients are sums over all steps and positions.
      const { atol, rtol } = tolerances[dtype];
      for (const [k, tensor] of ours.entries()) {
        const want: number[] = [...((await theirs[k]?.data()) ?? [])];
        const largest = want.reduce((most, each) => Math.max(most, Math.abs(each)), 1);
        expectClose(`${what}, result ${k}`, await tensor.data(), want, { atol: 4 * atol * largest, rtol });
      }
    }),
  );
}
