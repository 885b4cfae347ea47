import { cpu } from "@squall/cpu";
import { allocate, type Device, type DType, type FloatArray } from "@squall/device";
import { Generator, grad, Tensor, tensor } from "@squall/tensor";
import fc from "fast-check";
import type { Sample, SampleCase } from "../samples/sample.ts";
import { type ConformanceCase, ConformanceError, expectClose, type Tolerance } from "./case.ts";

/** Values rounded to a dtype. */
function rounded(values: FloatArray, dtype: DType): FloatArray {
  const data = allocate(dtype, values.length);
  data.set(values);
  return data;
}

function resultsOf(sample: SampleCase, inputs: Tensor[]): readonly Tensor[] {
  const result = sample.apply(...inputs);
  return result instanceof Tensor ? [result] : result;
}

/** Gradients of all outputs that have one, with respect to the inputs that ask for one. */
function gradientsOf(inputs: readonly Tensor[], outputs: readonly Tensor[], upstream: readonly FloatArray[]): Tensor[] {
  const asking = inputs.filter((input) => input.requiresGrad);
  const roots = outputs
    .map((output, k) => ({ output, values: upstream[k] ?? new Float64Array(0) }))
    .filter(({ output }) => output.requiresGrad);
  if (asking.length === 0 || roots.length === 0) return [];
  const gradOutputs = roots.map(({ output: { shape, dtype, device }, values }) =>
    tensor(values, { shape, dtype, device }),
  );
  return grad(
    roots.map((root) => root.output),
    asking,
    { gradOutputs, allowUnused: true },
  );
}

/** Runs one call on the device, and on the cpu in float64 as the truth, from the same (rounded) values. */
async function compareCase(
  what: string,
  sample: SampleCase,
  device: Device,
  dtype: DType,
  tolerance: Tolerance,
): Promise<void> {
  const values = sample.inputs.map((input) => rounded(input.dataSync(), dtype));
  const inputsOn = (target: Device, type: DType): Tensor[] =>
    sample.inputs.map(({ shape, requiresGrad }, k) =>
      tensor(values[k] ?? [], { shape, dtype: type, device: target, requiresGrad }),
    );
  const [inputs, trueInputs] = [inputsOn(device, dtype), inputsOn(cpu, "float64")];
  const [outputs, trueOutputs] = [resultsOf(sample, inputs), resultsOf(sample, trueInputs)];
  const generator = new Generator(outputs.length);
  const upstream = trueOutputs.map(({ size }) =>
    rounded(
      Float64Array.from({ length: size }, () => generator.normal()),
      dtype,
    ),
  );
  const gradients = gradientsOf(inputs, outputs, upstream);
  const trueGradients = gradientsOf(trueInputs, trueOutputs, upstream);
  const compare = async (name: string, got: readonly Tensor[], want: readonly Tensor[]): Promise<void> => {
    if (got.length !== want.length) {
      throw new ConformanceError(what, `${got.length} ${name}s instead of ${want.length}`);
    }
    for (const [k, result] of got.entries()) {
      expectClose(`${what}, ${name} ${k}`, await result.data(), want[k]?.dataSync() ?? [], tolerance);
    }
  };
  await compare("output", outputs, trueOutputs);
  await compare("gradient", gradients, trueGradients);
}

/** The cases of one row of the table of samples, one for each dtype. */
export function rowCases(
  row: Sample,
  device: Device,
  runs: number,
  seed: number,
  tolerances: Readonly<Record<DType, Tolerance>>,
): ConformanceCase[] {
  if (row.needs?.some((dtype) => !device.dtypes.includes(dtype)) === true) return [];
  return device.dtypes.map((dtype) => ({
    name: `${row.name} agrees with the cpu, ${dtype}`,
    run: async (): Promise<void> => {
      for (const sample of fc.sample(row.cases, { numRuns: runs, seed })) {
        const shapes = sample.inputs.map((input) => `[${input.shape.join(",")}]`).join(" ");
        const what = `${device.name}: ${row.name}, ${dtype}, inputs ${shapes}, ${sample.label}`;
        await compareCase(what, sample, device, dtype, tolerances[dtype]);
      }
    },
  }));
}
