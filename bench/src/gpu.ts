// What is different when Squall runs on the gpu.
import { Child } from "./child/child.ts";
import type { Entrant } from "./lane.ts";
import type { Measurement } from "./measure.ts";
import { OptionsError } from "./options.ts";
import { launchOursOnGpu } from "./peers/peers.ts";
import type { Workload } from "./workloads.ts";

/** How Squall is timed on the gpu. */
export const GPU_ENTRANT: Entrant = { launch: launchOursOnGpu(), threads: 1, turbo: false, compiles: true };

/** What a run on a software adapter has to say about itself. */
export const SOFTWARE_CAVEAT =
  "This is a software adapter: its kernels run on the processor. The times below say nothing about the speed of a GPU. " +
  "What is checked and counted (results, launches, bytes) is as it would be on one.";

/** Whether a gpu device of this description computes on the processor. */
export function isSoftware(description: string): boolean {
  return /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render/i.test(description);
}

/**
 * What the gpu device of this machine runs on.
 * @throws OptionsError if there is none
 */
export async function describeGpu(): Promise<string> {
  const child = new Child(GPU_ENTRANT.launch);
  const { threads, turbo } = GPU_ENTRANT;
  try {
    return (await child.ask({ command: "start", settings: { threads, turbo } })).about;
  } catch (error) {
    throw new OptionsError("--device gpu", error instanceof Error ? error.message : String(error));
  } finally {
    await child.stop();
  }
}

/** A workload at a size that a software adapter can do while somebody waits; its typed-array loops can, too. */
export function shrunk(workload: Workload): Workload {
  const { small, cases } = workload;
  if (small === undefined) return workload;
  const peers = cases[0]?.peers ?? [];
  return { ...workload, cases: [{ ...small, peers }], oracle: small.task };
}

/** Puts the gpu, which comes second because it is checked against the cpu, first. */
export function gpuFirst(measurement: Measurement): Measurement {
  const [cpu, gpu, ...others] = measurement.entrants;
  return { ...measurement, entrants: [gpu, cpu, ...others] };
}
