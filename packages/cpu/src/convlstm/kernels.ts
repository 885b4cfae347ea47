import type {
  ConvLstmGeometry,
  ConvLstmGradientInputs,
  ConvLstmInputs,
  ConvLstmKernels,
  DType,
  Storage,
} from "@squall/device";
import { features } from "../features.ts";
import { workMemory } from "../pool/pool.ts";
import { kernelPath } from "../settings.ts";
import { arrayOf, CpuStorage, ReusableStorage } from "../storage.ts";
import { forward, forwardBytes, type Kept, keepsInPlace, keptLength, type SequenceArrays } from "./forward.ts";
import { gradient, gradientBytes } from "./gradient.ts";
import { isPossible, type SequenceSizes, sizesOf } from "./plan.ts";

/** Most bytes that one sample may take in memory; beyond it the steps go one by one. */
const sampleLimit = 768 << 20;

function floats(op: string, storage: Storage): Float32Array {
  const data = arrayOf(op, storage);
  if (data instanceof Float32Array) return data;
  throw new TypeError(`${op}: the emitted sequence is for float32`);
}

function arraysOf(op: string, inputs: ConvLstmInputs): SequenceArrays {
  const optional = (storage: Storage | undefined): Float32Array | undefined => storage && floats(op, storage);
  return {
    x: optional(inputs.x),
    hidden: floats(op, inputs.hidden),
    cell: floats(op, inputs.cell),
    inputWeight: optional(inputs.inputWeight),
    stateWeight: floats(op, inputs.stateWeight),
    bias: optional(inputs.bias),
    peephole: optional(inputs.peephole),
  };
}

/** Storage for what is kept of a sequence: in the threads' memory, where it need not be copied, if that is possible. */
function keptStorage(sizes: SequenceSizes): ReusableStorage {
  const length = keptLength(sizes);
  const memory = workMemory();
  memory.reset();
  const inMemory = keepsInPlace(sizes) ? ReusableStorage.inMemory(memory, length) : undefined;
  return inMemory ?? ReusableStorage.ofLength(length);
}

/** What was kept. After a failure of a worker there is another memory, and the old one is an array like others. */
function keptOf(op: string, storage: Storage): Kept {
  const loan = storage instanceof ReusableStorage ? storage.loan : undefined;
  return { data: floats(op, storage), address: loan?.memory === workMemory() ? loan?.address : undefined };
}

const stored = (data: Float32Array | undefined): Storage | undefined =>
  data === undefined ? undefined : new CpuStorage(data);

/** Whole ConvLSTM sequences in emitted code: float32, images that the state convolution keeps the size of, one group. */
export const convLstm: ConvLstmKernels = {
  keptLength(geometry: ConvLstmGeometry, dtype: DType): number | undefined {
    if (dtype !== "float32" || kernelPath() !== "auto" || !features().simd || !isPossible(geometry)) return undefined;
    const sizes = sizesOf(geometry);
    if (Math.max(forwardBytes(sizes), gradientBytes(sizes)) > sampleLimit) return undefined;
    return keptLength(sizes);
  },

  forward(geometry: ConvLstmGeometry, inputs: ConvLstmInputs, keep: boolean) {
    const storage = keep ? keptStorage(sizesOf(geometry)) : ReusableStorage.ofLength(0);
    const kept = keep ? keptOf("ConvLSTM", storage) : undefined;
    const out = forward(geometry, geometry.lstm.peephole, arraysOf("ConvLSTM", inputs), kept);
    return {
      sequence: new CpuStorage(out.sequence),
      hidden: new CpuStorage(out.hidden),
      cell: new CpuStorage(out.cell),
      kept: storage,
    };
  },

  gradient(geometry: ConvLstmGeometry, inputs: ConvLstmGradientInputs) {
    const op = "ConvLSTM gradient";
    const arrays = {
      ...arraysOf(op, inputs),
      sequence: floats(op, inputs.sequence),
      kept: keptOf(op, inputs.kept),
      sequenceGradient: floats(op, inputs.sequenceGradient),
      hiddenGradient: floats(op, inputs.hiddenGradient),
      cellGradient: floats(op, inputs.cellGradient),
    };
    const wanted = { x: inputs.wantsX, weights: inputs.wantsWeights };
    const out = gradient(geometry, geometry.lstm.peephole, arrays, wanted);
    return {
      x: stored(out.x),
      hidden: new CpuStorage(out.hidden),
      cell: new CpuStorage(out.cell),
      inputWeight: stored(out.inputWeight),
      stateWeight: stored(out.stateWeight),
      bias: new CpuStorage(out.bias),
      peephole: stored(out.peephole),
    };
  },
};
