import type { ConvGeometry, Storage } from "@squall/device";
import { vectorsFor } from "../dispatch.ts";
import * as loops from "../loops/conv.ts";
import { CpuStorage } from "../storage.ts";
import { fastConv, fastConvInputGradient, stagedLimit } from "./convolution.ts";
import { slabWeightGradient } from "./slabGradient.ts";
import { fastConvWeightGradient } from "./weightGradient.ts";

const stored = (data: Float32Array | undefined): Storage | undefined =>
  data === undefined ? undefined : new CpuStorage(data);

/** Convolution: in emitted code for float32, else by the loops. */
export function conv(geometry: ConvGeometry, input: Storage, weight: Storage, bias: Storage | undefined): Storage {
  const arrays = vectorsFor("conv", bias === undefined ? [input, weight] : [input, weight, bias]);
  const fast = arrays && stored(fastConv(geometry, arrays[0], arrays[1], arrays[2]));
  return fast ?? loops.conv(geometry, input, weight, bias);
}

/** Gradient with respect to the input, likewise. */
export function convInputGradient(geometry: ConvGeometry, outputGradient: Storage, weight: Storage): Storage {
  const arrays = vectorsFor("convInputGradient", [outputGradient, weight]);
  const fast = arrays && stored(fastConvInputGradient(geometry, arrays[0], arrays[1]));
  return fast ?? loops.convInputGradient(geometry, outputGradient, weight);
}

/** Gradient with respect to the weight, likewise. */
export function convWeightGradient(geometry: ConvGeometry, input: Storage, outputGradient: Storage): Storage {
  const arrays = vectorsFor("convWeightGradient", [input, outputGradient]);
  const fast =
    arrays &&
    (fastConvWeightGradient(geometry, arrays[0], arrays[1]) ??
      slabWeightGradient(geometry, arrays[0], arrays[1], stagedLimit));
  return stored(fast) ?? loops.convWeightGradient(geometry, input, outputGradient);
}
