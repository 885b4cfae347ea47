import type { Storage } from "@squall/device";
import { features } from "./features.ts";
import { describeThreads } from "./pool/threads.ts";
import { convAlgorithm, kernelPath } from "./settings.ts";
import { arrayOf } from "./storage.ts";

/**
 * The elements of some storages, if vectors are to compute with them: all float32, the engine able and the loops not asked for.
 * @throws DeviceError if one belongs to another device
 */
export function vectorsFor(op: string, storages: readonly Storage[]): readonly Float32Array[] | undefined {
  const arrays: Float32Array[] = [];
  for (const storage of storages) {
    const data = arrayOf(op, storage);
    if (data instanceof Float32Array) arrays.push(data);
  }
  return arrays.length === storages.length && kernelPath() === "auto" && features().simd ? arrays : undefined;
}

/** What computes, and why. */
export function describePath(): string {
  if (kernelPath() === "loops") return "typed-array loops (as set), 1 thread";
  const { simd, fused, wide, reason } = features();
  if (!simd) return `typed-array loops (${reason}), 1 thread`;
  return [
    `WebAssembly SIMD${fused ? " with fused multiply-add" : ""}${wide ? " over 256 bits" : ""} for float32`,
    ...(convAlgorithm() === "auto"
      ? []
      : [`convolutions ${convAlgorithm() === "exact" ? "exact" : "by Winograd"} (as set)`]),
    "typed-array loops for float64",
    describeThreads(),
  ].join(", ");
}
