import { cpu } from "@squall/cpu";
import type { Device, DType } from "@squall/device";
import { ConvLSTM, type ConvLSTMOptions, type SequenceOptions } from "@squall/nn";
import { Generator, grad, noGrad, randn, type Tensor } from "@squall/tensor";
import { type ConformanceCase, expectClose, perDType, type Tolerance } from "./case.ts";

/** Layers, and which frames count. */
interface Problem {
  readonly name: string;
  readonly options: Partial<ConvLSTMOptions>;
  readonly sequence?: SequenceOptions;
}

/** Together they reach every way through the layers; kernels have conformance cases of their own. */
const problems: readonly Problem[] = [
  { name: "of the paper", options: { peephole: "channel", hiddenChannels: [2, 3], kernelSize: [3, 2] } },
  { name: "without bias, with peepholes per position", options: { peephole: "full", imageSize: [5, 4], bias: false } },
  {
    name: "with a strided, dilated, grouped input",
    options: { stride: [2, 1], dilation: 2, padding: 3, groups: 2, stateGroups: 2, learnedInitialState: true },
  },
  {
    name: "with norms, hard gates and peepholes by convolution",
    options: { norm: "group", normGroups: 2, recurrentActivation: "hardSigmoid", activation: "relu", peephole: "conv" },
  },
  {
    name: "with dropout and zoneout, in checkpoints",
    options: {
      hiddenChannels: [2, 2],
      inputDropout: 0.3,
      recurrentDropout: 0.3,
      layerDropout: 0.3,
      zoneout: 0.3,
      checkpoint: true,
    },
  },
  {
    name: "backwards over samples of different lengths",
    options: { goBackwards: true, keepOrder: true },
    sequence: { lengths: [3, 1] },
  },
];

/** Outputs, and gradients of everything. */
function results({ options, sequence }: Problem, device: Device, dtype: DType): readonly Tensor[] {
  const generator = new Generator(5);
  const numbers = (shape: readonly number[]): Tensor =>
    // The same numbers in either dtype.
    randn(shape, { dtype: "float32", generator }).to(dtype).to(device);
  const model = new ConvLSTM({
    inputChannels: 2,
    hiddenChannels: 2,
    kernelSize: 3,
    returnAllLayers: true,
    dtype,
    ...options,
    generator: new Generator(6),
  }).to(device);
  noGrad(() => {
    for (const parameter of model.parameters()) parameter.copy_(numbers(parameter.shape).mul(0.4));
  });
  const x = numbers([3, 2, 2, 5, 4]).requiresGrad_(true);
  const [hidden, states] = model.forward(x, undefined, sequence ?? {});
  const outputs = [...hidden, ...states.flatMap(({ h, c }) => [h, c])];
  const gradOutputs = outputs.map(({ shape }) => numbers(shape));
  return [...outputs, ...grad(outputs, [x, ...model.parameters()], { gradOutputs })];
}

/** ConvLSTM layers with options of all kinds, forward and backward, against the cpu in float64. */
export function recurrentCases(
  device: Device,
  tolerances: Readonly<Record<"float32" | "float64", Tolerance>>,
): ConformanceCase[] {
  return problems.flatMap((problem) =>
    perDType(device, `ConvLSTM ${problem.name}`, async (dtype, what) => {
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
